"""`python -m benchmarks NAME [part …]`: in a database of its own, made before and dropped after."""

import importlib
import os
import secrets
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2

NAMES = ("payments",)


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
        print(f"usage: script/bench NAME [part …]; NAME is one of: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    server = os.environ["DATABASE_URL"]
    name = f"hall_bench_{os.getpid()}"
    _sql(server, f'CREATE DATABASE "{name}"')
    try:
        with tempfile.TemporaryDirectory() as folder:
            _configure(server, name, Path(folder))
            import django
            from django.core.management import call_command

            django.setup()
            call_command("migrate", verbosity=0)
            call_command("migrate", "benchmarks", run_syncdb=True, verbosity=0)
            importlib.import_module(f"benchmarks.{sys.argv[1]}").run(sys.argv[2:])
    finally:
        from django.db import connections

        connections.close_all()
        _sql(server, f'DROP DATABASE "{name}" WITH (FORCE)')
    return 0


def _configure(server: str, database: str, folder: Path) -> None:
    from sandbox.keys import ensure

    ensure(folder)
    os.environ.update(
        {
            "DJANGO_SETTINGS_MODULE": "hall.settings.bench",
            "DATABASE_URL": urlunsplit(urlsplit(server)._replace(path=f"/{database}")),
            "HALL_SECRET_KEY": secrets.token_hex(32),
            "ALIPAY_APP_ID": "9021000000000001",
            "ALIPAY_SELLER_ID": "2088000000000001",
            "ALIPAY_APP_PRIVATE_KEY_FILE": str(folder / "app_private_key.pem"),
            "ALIPAY_PUBLIC_KEY_FILE": str(folder / "alipay_public_key.pem"),
            "ALIPAY_GATEWAY_URL": "http://127.0.0.1:9/gateway.do",
            "BENCH_GATEWAY_KEY_FILE": str(folder / "alipay_private_key.pem"),
        }
    )


def _sql(server: str, statement: str) -> None:
    connection = psycopg2.connect(server)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


if __name__ == "__main__":
    sys.exit(main())
