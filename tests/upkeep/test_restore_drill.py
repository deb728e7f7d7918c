"""The drill: fill, back up, restore into an empty database, and everything is there to the fen."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import BillingAccount
from billing.models import AccountBalance, LedgerEntry, Payment
from billing.selectors.ledger_check import differences
from core.actor import Actor
from core.models import AuditRow, Heartbeat
from hall.upkeep import backups, facts, restoring, tools
from hall.upkeep.tools import UpkeepError
from tests.admin import build as hall
from tests.billing import build
from tests.upkeep.conftest import Elsewhere

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("alipay_keys")]
ACTOR = Actor("test:drill")
AT = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)


def run(name: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(name, *arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_everything_comes_back_to_the_fen(folder: Path, elsewhere: Elsewhere, settings: Any) -> None:
    hall.hall(3)
    assert list(differences()) == []
    backup = backups.make(folder, as_of=AT)
    assert backup.folder.name == "20261122T023000Z"
    balances = list(AccountBalance.objects.order_by("pk").values_list("account_id", "balance_cents"))
    before, accounts = facts.read(), BillingAccount.objects.count()
    assert balances
    with elsewhere():
        done = restoring.restore(backup.folder, actor=ACTOR, as_of=AT)
        assert done.problems == ()
        assert (done.media_files, done.older_by) == (1, 0)
        assert (settings.MEDIA_ROOT / "notes" / "a.txt").read_text(encoding="utf-8") == "uploaded"
        assert (
            list(AccountBalance.objects.order_by("pk").values_list("account_id", "balance_cents")) == balances
        )
        assert list(differences()) == []
        after = facts.read()
        assert (after.fen, after.laws, after.functions) == (before.fen, before.laws, before.functions)
        assert len(after.laws) > 50
        _the_laws_hold()
        # Numbers go on after the highest: a new payment works at once.
        build.bill(build.account())
        assert BillingAccount.objects.count() == accounts + 1
        assert AuditRow.objects.filter(action="hall.restored", actor=ACTOR.ref).count() == 1


def _the_laws_hold() -> None:
    with pytest.raises(IntegrityError, match="never changed or deleted"), transaction.atomic():
        LedgerEntry.objects.update(amount_cents=1)
    with pytest.raises(IntegrityError, match="never deleted"), transaction.atomic():
        _delete_behind_the_triggers(Payment.objects.earliest("id").pk)


def _delete_behind_the_triggers(payment_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM billing_payment WHERE id = %s", [payment_id])


def test_the_rights_of_the_roles_come_with_the_command(folder: Path, elsewhere: Elsewhere) -> None:
    backup = backups.make(folder, as_of=AT)
    with elsewhere():
        restoring.restore(backup.folder, actor=ACTOR, as_of=AT)
        roles = [f"{connection.settings_dict['NAME']}_{name}" for name in ("app", "readonly")]
        try:
            run("database_roles", "--app", roles[0], "--readonly", roles[1])
            with connection.cursor() as cursor:
                asked = "SELECT has_table_privilege(%s, 'billing_ledgerentry', %s)"
                for right, is_given in (("INSERT", True), ("DELETE", False), ("TRUNCATE", False)):
                    cursor.execute(asked, [roles[0], right])
                    assert cursor.fetchone()[0] is is_given
        finally:
            with connection.cursor() as cursor:
                for role in roles:
                    cursor.execute(f'DROP OWNED BY "{role}"')
                    cursor.execute(f'DROP ROLE "{role}"')


def test_a_sealed_backup_needs_its_key(
    folder: Path, elsewhere: Elsewhere, settings: Any, tmp_path: Path
) -> None:
    hall.hall(1)
    private = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    encoding, public = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    settings.BACKUP_PUBLIC_KEY_FILE = str(tmp_path / "public.pem")
    (tmp_path / "public.pem").write_bytes(private.public_key().public_bytes(encoding, public))
    backup = backups.make(folder, as_of=AT)
    names = sorted(file.name for file in backup.folder.iterdir())
    assert names == ["database.dump.sealed", "manifest.json", "media.tar.sealed"]
    with elsewhere():
        with pytest.raises(UpkeepError, match="sealed"):
            restoring.restore(backup.folder, actor=ACTOR, as_of=AT)
        other = rsa.generate_private_key(public_exponent=65537, key_size=3072)
        with pytest.raises(UpkeepError, match="another key"):
            restoring.restore(backup.folder, key=other, actor=ACTOR, as_of=AT)
        assert restoring.restore(backup.folder, key=private, actor=ACTOR, as_of=AT).problems == ()


@pytest.mark.parametrize("name", [backups.DATABASE, backups.MEDIA])
def test_a_damaged_backup_is_refused_before_anything_is_done(
    folder: Path, elsewhere: Elsewhere, name: str
) -> None:
    backup = backups.make(folder, as_of=AT)
    data = bytearray((backup.folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (backup.folder / name).write_bytes(bytes(data))
    with elsewhere():
        with pytest.raises(UpkeepError, match="damaged"):
            restoring.restore(backup.folder, actor=ACTOR, as_of=AT)
        assert connection.introspection.table_names() == []
    with pytest.raises(CommandError, match="1 of 1 backups are damaged"):
        run("backup", "--folder", str(folder), "--check")


@pytest.mark.parametrize("missing", [backups.DATABASE, backups.MEDIA, backups.MANIFEST])
def test_a_backup_with_a_file_missing_is_refused(folder: Path, elsewhere: Elsewhere, missing: str) -> None:
    backup = backups.make(folder, as_of=AT)
    (backup.folder / missing).unlink()
    with elsewhere(), pytest.raises(UpkeepError, match="no whole backup"):
        restoring.restore(backup.folder, actor=ACTOR, as_of=AT)


def test_a_dump_that_does_not_fit_leaves_the_database_empty(folder: Path, elsewhere: Elsewhere) -> None:
    """The checksum is right, the dump is not: pg_restore undoes all of it."""
    backup = backups.make(folder, as_of=AT)
    dump, manifest = backup.folder / backups.DATABASE, backup.folder / backups.MANIFEST
    dump.write_bytes(dump.read_bytes()[:-2000])
    told = json.loads(manifest.read_text(encoding="utf-8"))
    told["files"][backups.DATABASE] = backups._digest(dump)
    manifest.write_text(json.dumps(told), encoding="utf-8")
    with elsewhere():
        with pytest.raises(UpkeepError, match="pg_restore failed"):
            restoring.restore(backup.folder, actor=ACTOR, as_of=AT)
        assert connection.introspection.table_names() == []


def test_rows_that_are_missing_afterwards_are_told(folder: Path, elsewhere: Elsewhere) -> None:
    backup = backups.make(folder, as_of=AT)
    manifest = backup.folder / backups.MANIFEST
    told = json.loads(manifest.read_text(encoding="utf-8"))
    told["facts"]["rows"]["billing_bill"] += 1
    told["facts"]["laws"].append("a_law_of_then")
    manifest.write_text(json.dumps(told), encoding="utf-8")
    with elsewhere():
        problems = restoring.restore(backup.folder, actor=ACTOR, as_of=AT).problems
    assert problems == ("rows of billing_bill: 1 in the backup, 0 here", "laws: a_law_of_then is missing")


def test_a_database_with_tables_is_never_touched(folder: Path) -> None:
    backup = backups.make(folder, as_of=AT)
    with pytest.raises(CommandError, match="is not empty"):
        run("restore", str(backup.folder))


def test_uploads_are_never_mixed(folder: Path, elsewhere: Elsewhere, settings: Any) -> None:
    backup = backups.make(folder, as_of=AT)
    with elsewhere():
        settings.MEDIA_ROOT.mkdir()
        (settings.MEDIA_ROOT / "theirs").write_text("x", encoding="utf-8")
        with pytest.raises(UpkeepError, match="uploads would be mixed"):
            restoring.restore(backup.folder, actor=ACTOR, as_of=AT)


def test_the_heartbeat_tells_of_the_last_backup(folder: Path) -> None:
    backup = backups.make(folder, as_of=AT)
    beat = Heartbeat.objects.get(pk="backup")
    assert beat.last_ok
    assert beat.detail["folder"] == backup.folder.name
    assert beat.detail["bytes"] == backup.bytes


def test_a_failed_backup_leaves_nothing_but_its_heartbeat(
    folder: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "find", lambda name: Path("/bin/false"))
    with pytest.raises(CommandError, match="false failed"):
        run("backup", "--folder", str(folder))
    assert list(folder.iterdir()) == []
    assert not Heartbeat.objects.get(pk="backup").last_ok


def test_what_a_killed_run_left_is_removed(folder: Path) -> None:
    (folder / ".incomplete-20260101T000000Z").mkdir()
    backups.make(folder, as_of=AT)
    assert [path.name for path in folder.iterdir()] == ["20261122T023000Z"]


def test_old_backups_go_but_never_the_newest(folder: Path, settings: Any) -> None:
    settings.BACKUP_KEEP_DAYS, settings.BACKUP_KEEP_LEAST = 10, 2
    for days in (40, 30, 12, 11, 10, 1):
        made = folder / (AT - timedelta(days=days)).strftime("%Y%m%dT%H%M%SZ")
        made.mkdir()
        (made / backups.MANIFEST).write_text("{}", encoding="utf-8")
    assert backups.forget_old(folder, as_of=AT) == 4
    assert [backup.made_at for backup in backups.listed(folder)] == [AT - timedelta(days=n) for n in (1, 10)]
    assert backups.forget_old(folder, as_of=AT + timedelta(days=400)) == 0


def test_a_program_of_another_version_is_not_used(settings: Any, tmp_path: Path) -> None:
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n", encoding="utf-8")
    old.chmod(0o755)
    settings.PG_BIN = str(tmp_path)
    assert tools._version(old) == 9
    old.rename(tmp_path / "pg_nothing")
    with pytest.raises(UpkeepError, match="HALL_PG_BIN"):
        tools.find("pg_nothing")


def test_what_is_written_during_a_backup_does_not_disturb_it(
    folder: Path, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figures and the dump are of one instant, whatever customers do meanwhile."""
    read = facts.read

    def and_then_somebody_pays() -> facts.Facts:
        found = read()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(_pay_from_another_session).result()
        return found

    monkeypatch.setattr(facts, "read", and_then_somebody_pays)
    backup = backups.make(folder, as_of=AT)
    monkeypatch.undo()
    assert LedgerEntry.objects.count() == 1
    with elsewhere():
        assert restoring.restore(backup.folder, actor=ACTOR, as_of=timezone.now()).problems == ()
        assert LedgerEntry.objects.count() == 0


def _pay_from_another_session() -> None:
    try:
        build.bill(build.account())
    finally:
        connection.close()
