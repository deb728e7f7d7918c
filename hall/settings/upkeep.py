"""The database and its upkeep: how we connect, how migrations behave under load, backups, and what is kept how long."""

from pathlib import Path

import dj_database_url

from hall.settings import env

_ADDRESS = env.address("DATABASE_URL", "DATABASE_PASSWORD")
# The web and the workers connect as a role that may neither change tables nor truncate; migrations as their owner.
DATABASES = {
    "default": dj_database_url.parse(
        _ADDRESS or "postgresql://nobody@127.0.0.1:9/none",  # env.finish stops a start without one
        conn_max_age=60,
        conn_health_checks=True,
        engine="django.db.backends.postgresql",
    )
}
# A server that does not answer must cost seconds, not the minutes of the TCP stack.
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)

# The owner's functions that the app's role may call: see hall.migrations.0001_purges.
APP_FUNCTIONS = [
    "hall_purge(text, timestamptz, bigint, integer)",
    "hall_purge_candidates(text, timestamptz, bigint, integer)",
]

# migrate_safely: how long one statement may wait for a lock while customers wait behind it, how long it may run, and
# how often it is tried again.
MIGRATION_LOCK_SECONDS = env.number("HALL_MIGRATION_LOCK_SECONDS", 2, least=1)
MIGRATION_STATEMENT_SECONDS = env.number("HALL_MIGRATION_STATEMENT_SECONDS", 60, least=1)
MIGRATION_TRIES = env.number("HALL_MIGRATION_TRIES", 10, least=1)

# Whether the heartbeat "backup" is missed when it stays away; off where the database is backed up by other means.
BACKUPS_EXPECTED = env.flag("HALL_BACKUPS_EXPECTED", default=False)
# Backups: a folder on another disk (or mounted from another machine). Empty: this process makes none.
BACKUP_FOLDER = env.text("HALL_BACKUP_FOLDER", "")
BACKUP_KEEP_DAYS = env.number("HALL_BACKUP_KEEP_DAYS", 30, least=1)
BACKUP_KEEP_LEAST = env.number("HALL_BACKUP_KEEP_LEAST", 7, least=1)  # so many stay, however old they are
BACKUP_PUBLIC_KEY_FILE = env.text(
    "HALL_BACKUP_PUBLIC_KEY_FILE", ""
)  # PEM, RSA; empty: backups lie there in clear
PG_BIN = env.text("HALL_PG_BIN", "")  # the folder of pg_dump and pg_restore; empty: they are looked for
# What customers and staff upload; it goes into each backup.
MEDIA_ROOT = Path(env.text("HALL_MEDIA_ROOT", str(Path(__file__).resolve().parents[2] / ".hall" / "media")))

# Days that rows are kept, by rule of hall.upkeep.policy. Longer is allowed, shorter than the floor stops the start.
# A floor of 0 is our own choice; the others are the law's, and the database's own function holds them once more.
KEEP_LEAST_DAYS = {
    "slips": 1_096,  # requests: 24 months; but most prove a trade: three years
    "messages": 1_096,  # what a customer was told about a trade
    "callbacks": 1_096,  # trade records: three years
    "strangers-callbacks": 184,  # network logs: six months
    "strangers-receipts": 184,
    "audit": 1_096,
    "outbox": 0,
    "heartbeats": 0,
    "devices": 0,
    "searches": 0,
    "number-holds": 0,
    "number-searches": 0,
}
KEEP_DAYS = env.amounts(
    "HALL_KEEP_DAYS",
    {
        "slips": 1_100,
        "messages": 1_100,
        "callbacks": 1_830,
        "strangers-callbacks": 190,
        "strangers-receipts": 190,
        "audit": 3_660,
        "outbox": 30,
        "heartbeats": 400,  # of jobs that are no more
        "devices": 184,
        "searches": 400,
        "number-holds": 400,
        "number-searches": 400,
    },
)
for _rule, _floor in KEEP_LEAST_DAYS.items():
    if KEEP_DAYS[_rule] < _floor:
        env.complain(
            f"HALL_KEEP_DAYS: {_rule}={KEEP_DAYS[_rule]} is less than the {_floor} days that the law asks for"
        )

HALL_VERSION = env.text("HALL_VERSION", "")  # shown on the status page
# The certificate that the proxy shows, where this process can read it: the status page warns before it ends.
TLS_CERT_FILE = env.text("HALL_TLS_CERT_FILE", "")
