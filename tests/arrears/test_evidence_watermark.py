"""The night looks only at what was written since the last one; nothing that is committed late is lost."""

import threading
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction

from accounts.models import BillingAccount
from arrears.models import EvidenceRoot, EvidenceSeal, Exemption, ExemptionReason, SealedRow, SealFailure
from arrears.selectors import evidence_checks, evidence_rows
from arrears.selectors.evidence_rows import Horizon
from arrears.services import evidence
from notices.models import Message
from tests.arrears import build
from tests.arrears.build import after, noon
from tests.arrears.test_evidence import seal
from tests.threads import together

LAST = after(60)


def mark(night: int = 0) -> Horizon:
    """This moment: the horizon of a root may lie before it, where others on this server have been busy for long."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        (xid,) = cursor.fetchone()
    return replace(evidence_rows.horizon(LAST + timedelta(night)), xid=xid)


def found(since: Horizon, night: int = 1) -> list[int]:
    """The accounts that this night looks at."""
    return evidence_rows.unsealed(today=LAST + timedelta(night), since=since)


def sealed(account: BillingAccount) -> int:
    return SealedRow.objects.filter(account=account).count()


def message(account: BillingAccount, key: str) -> Message:
    """The evidence of one account, written in the transaction around."""
    ref = f"account:{account.number}"
    return Message.objects.create(
        code="bill_overdue", recipient_ref=ref, dedupe_key=key, created_at=noon(LAST)
    )


@pytest.mark.django_db(transaction=True)
def test_a_row_committed_after_the_root_by_an_older_transaction_is_sealed_the_next_night() -> None:
    late, early = build.account(), build.account()
    build.bill(late)
    seal()
    before = sealed(late)
    written, rooted = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            message(late, "late")
            written.set()
            assert rooted.wait(30)

    def night() -> None:
        try:
            assert written.wait(30)
            message(early, "early")  # a higher id, committed first
            assert seal(1).roots == 1
        finally:
            rooted.set()

    together(slow, night)
    ids = dict(Message.objects.filter(dedupe_key__in=["late", "early"]).values_list("dedupe_key", "id"))
    assert ids["late"] < ids["early"]  # the control: after the highest sealed id nothing would be found
    assert (sealed(late), sealed(early)) == (before, 1)
    assert seal(2).sealed == 1
    assert sealed(late) == before + 1
    assert list(evidence_checks.everything(today=LAST + timedelta(2))) == []


@pytest.mark.django_db(transaction=True)
def test_what_is_written_while_a_night_runs_is_sealed_then_or_the_next_night() -> None:
    """Also for accounts that this night has sealed already, when it is stopped and begins again."""
    one, two = build.account(), build.account()
    message(one, "one")
    message(two, "two")
    stopped = evidence.Job(
        as_of=noon(LAST), chunk=1, stop=EvidenceSeal.objects.exists
    )  # after the first account
    assert [each.roots for each in evidence.run(stopped)] == [0]
    message(one, "one more")
    assert seal().roots == 1
    assert (sealed(one), sealed(two)) == (2, 1)
    assert list(EvidenceSeal.objects.filter(account=one).values_list("sequence", flat=True)) == [1, 2]
    assert seal(1).sealed == 0
    assert list(evidence_checks.everything(today=LAST + timedelta(1))) == []


@pytest.mark.django_db(transaction=True)
def test_only_who_was_written_since_is_looked_at() -> None:
    quiet, told, ended = build.account(), build.account(), build.account()
    for each in (quiet, told, ended):
        message(each, f"first {each.pk}")
    relief = Exemption.objects.create(
        account=ended, reason=ExemptionReason.HARDSHIP, note="住院", active_from=after(50), active_to=after(62),
        created_by="user:1", created_at=noon(after(50)),
    )  # fmt: skip
    seal()
    since = mark()
    assert found(since) == []
    message(told, "second")
    assert found(since) == [told.pk]
    assert found(since, 2) == sorted([told.pk, ended.pk])  # that exemption ends by the passing of days
    assert seal(2).sealed == 2
    assert SealedRow.objects.filter(row_id=relief.pk, part="end", account=ended).exists()
    assert found(mark(2), 3) == []


@pytest.mark.django_db(transaction=True)
def test_a_restored_database_is_looked_through_as_a_whole() -> None:
    """Its transactions are numbered anew: what the last root says about them means nothing."""
    account = build.account()
    message(account, "first")
    now = mark()
    assert found(now) == []
    for other in (
        Horizon(LAST, now.xid, "another"),
        Horizon(LAST, now.xid + 10**9, now.cluster),
        Horizon(LAST, now.xid - 2**31, now.cluster),
    ):
        assert found(other) == [account.pk], other


@pytest.mark.django_db(transaction=True)
def test_an_account_that_fails_is_recorded_and_the_others_go_on() -> None:
    bad, *good = (build.account() for _n in range(3))
    for each in (bad, *good):
        message(each, f"first {each.pk}")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.account_id = {bad.pk} THEN RAISE EXCEPTION 'the disk is full'; END IF; RETURN NEW; END $$;
                CREATE TRIGGER spoil BEFORE INSERT ON arrears_sealedrow FOR EACH ROW EXECUTE FUNCTION spoil()"""
        )
    try:
        done = seal()
        assert (done.sealed, done.failed, done.roots) == (2, 1, 1)
        assert (sealed(bad), sealed(good[0]), sealed(good[1])) == (0, 1, 1)
        failure = SealFailure.objects.get()
        assert (failure.account, failure.resolved_at) == (bad, None)
        assert "the disk is full" in failure.error
        assert evidence.run_now(as_of=noon(LAST + timedelta(1))).failed == 1
        assert SealFailure.objects.count() == 1
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION spoil CASCADE")
    assert found(mark(), 2) == []  # nothing of it was written since
    assert seal(2).sealed == 1
    assert sealed(bad) == 1
    failure.refresh_from_db()
    assert failure.resolved_at == noon(LAST + timedelta(2))
    assert list(evidence_checks.everything(today=LAST + timedelta(2))) == []


@pytest.mark.django_db(transaction=True)
def test_seals_of_a_night_without_its_root_lie_under_the_next_root() -> None:
    account = build.account()
    message(account, "first")
    message(build.account(), "other")
    assert seal(limit=1).roots == 0
    assert seal(1).roots == 1
    root = EvidenceRoot.objects.get()
    assert (root.seals, EvidenceSeal.objects.count()) == (2, 2)
    assert list(evidence_checks.everything(today=LAST + timedelta(1))) == []


@pytest.mark.django_db(transaction=True)
def test_two_sealers_at_once_write_nothing_twice() -> None:
    accounts = [build.account() for _n in range(12)]
    for each in accounts:
        message(each, f"first {each.pk}")
    done = together(*[partial(seal, chunk=3)] * 2)
    assert sum(each.sealed for each in done) == EvidenceSeal.objects.count() == len(accounts)
    assert sum(each.roots for each in done) == EvidenceRoot.objects.count() == 1
    assert list(evidence_checks.everything(today=LAST)) == []
