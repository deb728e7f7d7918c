"""Evidence is sealed every night; whatever anybody alters afterwards is named."""

import json
from collections import deque
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from accounts.models import BillingAccount
from arrears import evidence_files, evidence_paper, evidence_rules
from arrears.evidence_rules import Fault
from arrears.models import EvidenceRoot, EvidenceSeal, SealedRow
from arrears.selectors import evidence_checks, evidence_packs, evidence_parts
from arrears.services import evidence, evidence_handing
from core.models import AuditRow
from notices.models import Delivery, Message
from tests.arrears import build, evidence_build
from tests.arrears.build import ACTOR, after, noon
from tests.arrears.evidence_build import LAST

pytestmark = pytest.mark.django_db
SEALED = [part for part in evidence_parts.PARTS if part.is_sealed]


def seal(nights: int = 0, **job: Any) -> evidence.Counts:
    """The run of that night after LAST."""
    wanted = evidence.Job(as_of=noon(LAST + timedelta(nights)), **job)
    return deque(evidence.run(wanted), maxlen=1).pop()


def faults(of: BillingAccount, nights: int = 0) -> list[Fault]:
    return list(evidence_checks.accounts([of.pk], today=LAST + timedelta(nights)))


def everything() -> list[Fault]:
    return list(evidence_checks.everything(today=LAST))


@pytest.fixture
def owing() -> BillingAccount:
    made = build.account()
    build.line(made)
    build.bill(made)
    build.days(made, after(-3), after(2))
    return made


def alter(table: str, row_id: int, column: str) -> bool:
    """One byte of it, as the owner of the database; False when a constraint refuses that value."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT data_type FROM information_schema.columns WHERE table_name = %s AND column_name = %s",
            [table, column],
        )
        kind = cursor.fetchone()[0]
        try:
            with transaction.atomic():
                cursor.execute(
                    f'UPDATE "{table}" SET "{column}" = {_other(kind, column)} WHERE id = %s', [row_id]
                )
        except IntegrityError:
            return False
    return True


def _other(kind: str, column: str) -> str:
    name = f'"{column}"'
    if kind in ("bigint", "integer", "smallint"):
        return f"coalesce({name} + 1, 1)"
    if kind == "date":
        return f"coalesce({name} + 1, '2026-01-01')"
    if kind.startswith("timestamp"):
        return f"coalesce({name} + interval '1 microsecond', now())"
    if kind == "bytea":
        return f"set_byte({name}, 0, (get_byte({name}, 0) + 1) %% 256)"
    if kind == "jsonb":
        return f"{name} || '{{\"x\": 1}}'"
    return f"CASE WHEN {name} = '' THEN 'x' ELSE left({name}, -1) || chr(ascii(right({name}, 1)) + 1) END"


def test_one_altered_byte_in_any_column_of_any_table_is_found_and_named() -> None:
    account = evidence_build.account()
    assert seal().sealed >= 1
    sealed = SealedRow.objects.filter(account=account)
    parts = {part.key for part in SEALED}
    assert set(sealed.values_list("table_name", "part")) == parts
    assert faults(account) == []
    for part in SEALED:
        row = sealed.filter(table_name=part.table, part=part.name).earliest("pk")
        altered = 0
        for column in part.names:
            with transaction.atomic():
                if alter(part.table, row.row_id, column):
                    altered += 1
                    (found,) = faults(account)
                    assert (found.table, found.row_id) == (part.table, row.row_id), (part.key, column)
                transaction.set_rollback(True)
        assert altered, part.key
    assert faults(account) == []


def test_a_deleted_row_is_named(owing: BillingAccount) -> None:
    seal()
    evidence_build.laws_off()
    gone = Delivery.objects.filter(message__recipient_ref=f"account:{owing.number}").latest("pk").pk
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM notices_delivery WHERE id = %s", [gone])
    (found,) = faults(owing)
    assert (found.code, found.table, found.row_id, found.seal) == ("MISSING", "notices_delivery", gone, 1)


def test_what_retention_took_is_no_fault(owing: BillingAccount, settings: Any) -> None:
    seal()
    evidence_build.laws_off()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM notices_delivery")
        cursor.execute("DELETE FROM notices_message")
        cursor.execute("DELETE FROM arrears_casenotice")
    assert [each.table for each in faults(owing, 5000)] == ["arrears_casenotice"]  # proof is kept for ever
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM arrears_sealedrow WHERE table_name = 'arrears_casenotice'")
    (found,) = faults(owing, 5000)
    assert found == Fault("SEAL", owing.number, seal=1)  # and taking it off the list breaks the seal


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE arrears_evidenceseal SET digest = repeat('0', 64) WHERE sequence = 2",
        "UPDATE arrears_evidenceseal SET sealed_on = sealed_on - 1 WHERE sequence = 2",
        "DELETE FROM arrears_sealedrow WHERE id = (SELECT max(id) FROM arrears_sealedrow)",
    ],
)
def test_a_seal_that_does_not_follow_is_named(owing: BillingAccount, sql: str) -> None:
    seal()
    build.days(owing, after(61), after(62))
    seal(2)
    assert faults(owing, 2) == []
    evidence_build.laws_off()
    with connection.cursor() as cursor:
        cursor.execute(sql)
    assert faults(owing, 2) == [Fault("SEAL", owing.number, seal=2)]


def test_who_rewrites_the_whole_chain_of_an_account_fails_at_the_root(owing: BillingAccount) -> None:
    seal()
    assert everything() == []
    evidence_build.laws_off()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM arrears_sealedrow")
        cursor.execute("DELETE FROM arrears_evidenceseal")
    assert everything() == [Fault("ROOT", on=LAST.isoformat())]


def _later(account: BillingAccount) -> EvidenceSeal:
    """The account has something new on the night after LAST; the seal of it."""
    build.days(account, after(23), after(23))
    seal(nights=25)
    return EvidenceSeal.objects.filter(account=account).latest("sequence")


def _gone(seals: Any) -> None:
    """The seals and what they cover, as the owner of the database can."""
    evidence_build.laws_off()
    rows = SealedRow.objects.filter(seal__in=seals)
    for table, row_id in rows.values_list("table_name", "row_id"):
        with connection.cursor() as cursor:
            cursor.execute(f'DELETE FROM "{table}" WHERE id = %s', [row_id])
    pks = list(seals.values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM arrears_sealedrow WHERE seal_id = ANY(%s)", [pks])
        cursor.execute("DELETE FROM arrears_evidenceseal WHERE id = ANY(%s)", [pks])


@pytest.mark.parametrize("is_all", [False, True])
def test_the_last_rows_gone_with_the_last_seal_are_found_by_the_root_of_that_night(
    is_all: bool, owing: BillingAccount, capsys: Any
) -> None:
    seal()
    last = _later(owing)
    seal(nights=26)
    call_command("verify_evidence", owing.number)
    night = (LAST if is_all else last.sealed_on).isoformat()
    _gone(EvidenceSeal.objects.filter(account=owing, **({} if is_all else {"pk": last.pk})))
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        call_command("verify_evidence", owing.number)
    assert (ended.value.code, capsys.readouterr().out) == (1, f"ROOT {night}\n")


def test_another_account_s_missing_seal_of_another_night_is_no_fault_of_this_one(
    owing: BillingAccount,
) -> None:
    other = build.account()
    build.bill(other)
    build.days(other, after(-3), after(-3))
    seal()
    build.days(other, after(1), after(1))
    seal(nights=5)
    today = _later(owing).sealed_on
    _gone(EvidenceSeal.objects.filter(account=other, sequence=2))
    assert list(evidence_checks.one(owing.pk, today=today)) == []
    night = (LAST + timedelta(5)).isoformat()
    assert list(evidence_checks.one(other.pk, today=today)) == [Fault("ROOT", on=night)]


def test_a_night_is_sealed_once_and_only_what_is_new(owing: BillingAccount) -> None:
    first = seal()
    assert (first.sealed, first.roots, first.failed) == (EvidenceSeal.objects.count(), 1, 0)
    assert first.rows == SealedRow.objects.count() > 5
    assert seal().as_json() == {"sealed": 0, "rows": 0, "failed": 0, "roots": 0}
    quiet = seal(1)
    assert (quiet.sealed, quiet.roots) == (0, 1)
    other = build.account()
    build.bill(other)
    assert seal(2).sealed == 1
    assert EvidenceSeal.objects.get(account=other).sequence == 1
    assert EvidenceSeal.objects.filter(account=owing).count() == 1
    assert everything() == []


def test_stopped_in_the_middle_it_goes_on_where_it_stopped(owing: BillingAccount) -> None:
    build.bill(build.account())
    part = seal(limit=1)
    assert (part.sealed, part.roots) == (1, 0)
    before = list(EvidenceSeal.objects.values_list("pk", "digest"))
    rest = seal()
    assert rest.roots == 1
    assert list(EvidenceSeal.objects.order_by("pk").values_list("pk", "digest"))[:1] == before
    assert EvidenceSeal.objects.values("account").distinct().count() == EvidenceSeal.objects.count()
    assert EvidenceRoot.objects.get().seals == EvidenceSeal.objects.count()


def test_a_delivery_that_arrives_after_it_was_sealed_is_no_fault_and_is_sealed_then() -> None:
    account = build.account()
    build.line(account)
    build.bill(account)
    build.one(account, after(1))
    seal()
    build.deliver(after(61))
    assert faults(account, 1) == []
    assert seal(1).sealed >= 1
    assert SealedRow.objects.filter(account=account, part="end", seal__sequence=2).exists()


def test_dry_run_writes_nothing(owing: BillingAccount) -> None:
    assert seal(dry_run=True).sealed >= 1
    assert not EvidenceSeal.objects.exists()
    assert not EvidenceRoot.objects.exists()


def test_the_pack_holds_everything_in_time_order_and_checks_itself() -> None:
    account = evidence_build.account()
    seal()
    pack = evidence_packs.make(account_id=account.pk, actor=ACTOR, as_of=noon(LAST))
    assert evidence_files.file_fault(json.loads(evidence_rules.canonical(pack))) is None
    assert evidence_checks.against_hall(pack) == Fault("UNKNOWN", account.number)  # nobody took it
    assert {(row["table"], row["part"]) for row in pack["rows"]} == {
        part.key for part in evidence_parts.PARTS
    }
    times = [row["at"] for row in pack["rows"]]
    assert times == sorted(times)
    assert all(times)
    assert len(pack["contacts"]) == 2
    sealed = {part.key for part in SEALED}
    assert all(bool(row["seal"]) == ((row["table"], row["part"]) in sealed) for row in pack["rows"])
    assert [root["sealed_on"] for root in pack["roots"]] == [LAST.isoformat()]
    made = evidence_paper.pdf(pack)
    assert made.startswith(b"%PDF")
    assert made == evidence_paper.pdf(pack)


def taken(of: BillingAccount) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(
        evidence_handing.hand_out(account_id=of.pk, form="json", actor=ACTOR, as_of=noon(LAST))
    )
    return made


def redone(pack: dict[str, Any]) -> dict[str, Any]:
    return pack | {"digest": evidence_rules.pack_digest(pack)}


def test_a_pack_of_another_hall_is_not_ours(owing: BillingAccount) -> None:
    seal()
    pack = taken(owing)
    assert evidence_checks.against_hall(pack) is None
    pack["roots"][0]["digest"] = "0" * 64
    assert evidence_checks.against_hall(redone(pack)) == Fault("ROOT", owing.number, on=LAST.isoformat())
    pack["seals"][0]["digest"] = "0" * 64
    assert evidence_checks.against_hall(redone(pack)) == Fault("SEAL", owing.number, seal=1)


def test_a_row_that_nobody_sealed_yet_cannot_be_put_into_a_pack(owing: BillingAccount) -> None:
    """It follows by itself, and yet this hall never handed that pack out."""
    seal()
    pack = taken(owing)
    values = {"code": "disconnection_ahead", "created_at": "2026-12-01T00:00:00.000000+00:00"}
    digest = evidence_rules.row_digest("notices_message", "", 10**9, values)
    row = {"table": "notices_message", "part": "", "id": 10**9, "values": values, "digest": digest, "seal": 0}
    pack["rows"].append(row | {"at": values["created_at"]})
    forged = redone(pack)
    assert evidence_files.file_fault(forged) is None
    assert evidence_checks.against_hall(forged) == Fault("UNKNOWN", owing.number)


def test_a_row_left_out_as_purged_before_its_time_is_named(owing: BillingAccount) -> None:
    seal()
    pack = taken(owing)
    gone = next(row for row in pack["rows"] if row["table"] == "notices_message")
    pack["rows"].remove(gone)
    pack["purged"] = [["notices_message", "", gone["id"]]]
    forged = redone(pack)
    assert evidence_files.file_fault(forged) is None
    assert evidence_checks.against_hall(forged) == Fault(
        "MISSING", owing.number, "notices_message", gone["id"], 1
    )


def test_what_was_sealed_for_one_account_stays_its_evidence_when_the_row_moves_on(
    owing: BillingAccount,
) -> None:
    seal()
    other = build.account()
    build.days(owing, after(3), after(31))
    seal(1)
    owing.paid_subscriptions.update(payer=other)
    assert faults(owing, 1) == []
    rows = evidence_packs.make(account_id=owing.pk, actor=ACTOR, as_of=noon(LAST))["rows"]
    assert "catalog_suspension" in {row["table"] for row in rows}


def test_nothing_of_another_account_is_in_a_pack(owing: BillingAccount) -> None:
    other = evidence_build.account()
    seal()
    said = evidence_rules.canonical(evidence_packs.make(account_id=owing.pk, actor=ACTOR, as_of=noon(LAST)))
    assert other.number not in said
    assert other.customer.name not in said
    for contact in other.contacts.all():
        assert contact.value not in said


def test_who_takes_a_pack_leaves_an_audit_row(owing: BillingAccount) -> None:
    made = json.loads(
        evidence_handing.hand_out(account_id=owing.pk, form="json", actor=ACTOR, as_of=noon(LAST))
    )
    row = AuditRow.objects.get(action=evidence_rules.HANDED_OUT)
    assert (row.object_id, row.actor) == (str(owing.pk), ACTOR.ref)
    assert row.detail == {"form": "json", "digest": made["digest"]}


def test_the_commands(owing: BillingAccount, tmp_path: Path) -> None:
    at = noon(LAST).isoformat()
    call_command("seal_evidence", "--as-of", at, "--json", stdout=StringIO())
    file, paper = tmp_path / "pack.json", tmp_path / "pack.pdf"
    call_command("evidence", owing.number, "--json", str(file), "--pdf", str(paper), "--as-of", at)
    assert paper.read_bytes().startswith(b"%PDF")
    for what in (owing.number, str(file), "--all"):
        said = StringIO()
        call_command("verify_evidence", what, "--as-of", at, stdout=said)
        assert said.getvalue() == "nothing altered\n"
    row = Message.objects.filter(recipient_ref=f"account:{owing.number}").earliest("pk")
    file.write_text(file.read_text().replace(row.dedupe_key, row.dedupe_key + "x", 1))
    said = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_evidence", str(file), stdout=said)
    assert said.getvalue() == f"ALTERED {owing.number} notices_message id {row.pk} seal 1\n"
    for content, code in ((b"{", "TRUNCATED"), (b"", "EMPTY"), (b"\xff", "ENCODING"), (b"x", "NOT_JSON")):
        file.write_bytes(content)
        refused(str(file), code)
    refused("no-such-account", "NO_ACCOUNT_OF_EVIDENCE")
    refused(str(tmp_path), "UNREADABLE")
    refused(str(tmp_path / "no-such.json"), "UNREADABLE")


def refused(what: str, code: str) -> None:
    with pytest.raises(CommandError, match=f"^{code}: ") as refusal:
        call_command("verify_evidence", what)
    assert refusal.value.returncode == 2


def test_the_pack_of_another_account_than_was_said(owing: BillingAccount, tmp_path: Path) -> None:
    seal()
    call_command("evidence", owing.number, "--out", str(tmp_path), "--language", "en")
    file = tmp_path / f"evidence-{owing.number}.json"
    assert (tmp_path / f"evidence-{owing.number}.pdf").read_bytes().startswith(b"%PDF")
    call_command("verify_evidence", str(file), "--account", owing.number, stdout=StringIO())
    said = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("verify_evidence", str(file), "--account", "8100000009", stdout=said)
    assert (said.getvalue(), ended.value.code) == (f"ACCOUNT {owing.number}\n", 1)
