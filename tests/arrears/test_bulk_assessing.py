"""The daily pass writes what the judgement of each account by itself would write, once, and nothing for nothing."""

import contextlib
import os
import random
from collections import deque
from datetime import datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import BillingAccount
from arrears.choices import Stage
from arrears.models import ArrearsCase, CaseNotice, Exemption, Promise, StageChange
from arrears.selectors import facts as facts_reads
from arrears.services import assessing, bulk_assessing, promises, restoring
from billing.models import Bill, Dispute, DisputeCause, DisputeState
from billing.services.bills import disputes
from catalog.choices import SuspensionReason
from catalog.holdings.services import suspensions
from catalog.models import Suspension
from core.errors import HallError
from notices.models import Message
from tests.arrears import build, build_policies
from tests.arrears.build import ACTOR, after, noon
from tests.billing import build as money
from tests.catalog.holdings import build as holdings

pytestmark = pytest.mark.django_db
# Each is a pair, judged through two months in both ways: ARREARS_TEST_ACCOUNTS=5000 takes 10,000 of them (an hour).
ACCOUNTS = int(os.environ.get("ARREARS_TEST_ACCOUNTS", "40"))


def written(of: BillingAccount) -> list[Any]:
    """Everything that is kept of an account, without ids and public numbers."""
    cases = ArrearsCase.objects.filter(account=of).order_by("pk")
    places = {case.pk: place for place, case in enumerate(cases)}
    return [
        [(c.stage, c.stage_since, c.close_reason, c.highest_stage, c.owed_cents, c.opened_at) for c in cases],
        [
            (places[c.case_id], c.from_stage, c.to_stage, c.on, c.reason, c.owed_cents, c.earliest_due_on)
            for c in StageChange.objects.filter(case__in=cases).order_by("pk")
        ],
        sorted(
            (
                places[n.case_id],
                n.rule.template_code,
                n.contact_ref.split(":")[0],
                n.told_on,
                str(n.message.context),
            )
            for n in CaseNotice.objects.filter(case__in=cases).select_related("rule", "message")
        ),
        sorted(
            Message.objects.filter(recipient_ref=f"account:{of.number}").values_list("code", "created_at")
        ),
        sorted(
            Suspension.objects.filter(subscription__payer=of).values_list("reason", "begins_on", "ends_on")
        ),
    ]


def some(seed: int) -> BillingAccount:
    """An account by chance: contacts, lines, bills of several months, some paid."""
    chance = random.Random(seed)
    made = build.account(phones=chance.choice([0, 1, 1, 2]), address=chance.choice(["", "滨江路 1 号"]))
    for _n in range(chance.randint(0, 2)):
        build.line(made)
    for _n in range(chance.randint(0, 3)):
        build.bill(made, chance.choice([50, 2600, 9900]), due_on=after(chance.randint(-60, 40)))
    if chance.random() < 0.2:
        Exemption.objects.create(
            account=made, reason="HARDSHIP", note="x", active_from=after(chance.randint(0, 30)),
            active_to=after(chance.randint(31, 45)), created_by="user:1", created_at=noon(after(0)),
        )  # fmt: skip
    return made


def meanwhile(of: BillingAccount, seed: int, n: int) -> None:
    """What happens to it between the passes: payments in part and in full, disputes and their answers, promises."""
    chance = random.Random(f"{seed} {n}")
    owed = Bill.objects.filter(account=of, open_cents__gt=0).order_by("pk").first()
    if owed is None:
        return
    happens = chance.choices(
        [nothing, pays_part, pays_all, disputes_it, is_answered, goes_to_pay, promises_to],
        [18, 2, 1, 1, 1, 1, 1],
    )[0]
    with contextlib.suppress(HallError):  # what is refused is refused to both twins
        happens(owed, noon(after(n)), n)


def nothing(_owed: Bill, _at: datetime, _n: int) -> None:
    pass


def pays_part(owed: Bill, _at: datetime, n: int) -> None:
    build.pay(owed.account, 2600, after(n))


def pays_all(owed: Bill, _at: datetime, n: int) -> None:
    build.pay(owed.account, 30_000, after(n))


def disputes_it(owed: Bill, at: datetime, _n: int) -> None:
    disputes.begin(
        bill_id=owed.pk,
        cause=DisputeCause.AMOUNT,
        text="不对",
        raised_by_id=money.user().pk,
        actor=ACTOR,
        as_of=at,
    )


def is_answered(owed: Bill, at: datetime, _n: int) -> None:
    for each in Dispute.objects.filter(bill__account=owed.account, state=DisputeState.OPEN):
        disputes.close(dispute_id=each.pk, state=DisputeState.REJECTED, answer="无误", actor=ACTOR, as_of=at)


def goes_to_pay(owed: Bill, at: datetime, _n: int) -> None:
    money.payment(owed.account, 2600, as_of=at)


def promises_to(owed: Bill, at: datetime, _n: int) -> None:
    promises.make(account_id=owed.account_id, slip=holdings.slip(owed.account), actor=ACTOR, as_of=at)


def test_the_pass_is_equal_to_the_single_judgement() -> None:
    """Twins: one of each pair goes by the pass, the other by itself, through the same two months."""
    pairs = []
    for seed in range(ACCOUNTS):
        pairs.append((some(seed), some(seed)))
    singles = [single for _bulk, single in pairs]
    bulks = {bulk.pk for bulk, _single in pairs}

    def of_pass(each: Any) -> Any:
        return each if each.subject.account_id in bulks else None

    for n in (*range(-3, 40, 4), 41, 42, 50):
        how: dict[str, Any] = {"as_of": noon(after(n)), "only": of_pass, "actor": ACTOR}
        [said] = deque(bulk_assessing.run(bulk_assessing.Job(**how, dry_run=True)), maxlen=1) or [None]
        [done] = deque(bulk_assessing.run(bulk_assessing.Job(**how)), maxlen=1) or [None]
        assert said == done, n
        for single in singles:
            assessing.assess_one(single.pk, actor=ACTOR, as_of=noon(after(n)))
        build.deliver(after(n))
        for seed, pair in enumerate(pairs):
            for each in pair:
                meanwhile(each, seed, n)
    assert ArrearsCase.objects.filter(account__in=bulks).count() > ACCOUNTS // 3
    assert Dispute.objects.count() > 1
    assert Promise.objects.count() > 1
    for place, (bulk, single) in enumerate(pairs):
        of_bulk, of_single = written(bulk), written(single)
        tails = bulk.number[-4:], single.number[-4:]
        assert str(of_bulk).replace(tails[0], "TAIL") == str(of_single).replace(tails[1], "TAIL"), place


def tuples_written() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_xact_user_tables")
        return int(cursor.fetchone()[0] or 0)


def test_a_second_pass_on_the_same_day_writes_no_tuple() -> None:
    accounts = [build.account() for _n in range(5)]
    for each in accounts:
        build.line(each)
        build.bill(each)
    for n in (-3, 1, 23, 31):
        assert build.run(after(n)).looked >= 5
        build.deliver(after(n))
    before = tuples_written()
    assert build.run(after(31)).moved == 0
    assert tuples_written() == before
    build.pay(accounts[0], 3000, after(31))
    assert build.run(after(31)).closed == 1


def test_the_count_of_queries_is_that_of_one_account() -> None:
    accounts = [build.account() for _n in range(12)]
    for each in accounts:
        build.bill(each)
    build.run(after(1))
    counts = []
    for ids in ([accounts[0].pk], [each.pk for each in accounts]):
        with CaptureQueriesContext(connection) as seen:
            found = facts_reads.of(ids, as_of=noon(after(1)))
        assert len(found) == len(ids)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 6
    single = facts_reads.of([accounts[3].pk], as_of=noon(after(1)))
    assert (
        single[accounts[3].pk]
        == facts_reads.of([a.pk for a in accounts], as_of=noon(after(1)))[accounts[3].pk]
    )
    ranged = facts_reads.between(accounts[0].pk - 1, accounts[-1].pk, days_ahead=3, as_of=noon(after(1)))
    assert ranged[accounts[3].pk] == single[accounts[3].pk]


@pytest.mark.parametrize("block", [1, 4000])
def test_a_cap_leaves_the_rest_for_tomorrow(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_assessing, "BLOCK", block)
    accounts = [build.account() for _n in range(3)]
    for each in accounts:
        build.bill(each)
    build_policies.instead(caps={Stage.OVERDUE: 2})
    build.run(after(-3))
    said = build.run(after(1), dry_run=True)
    done = build.run(after(1))
    assert (done.moved, done.capped) == (2, 1)
    assert said == done
    assert build.run(after(1)).moved == 0  # the cap is of the day
    assert build.run(after(2)).moved == 1


def test_a_dry_run_counts_and_writes_nothing() -> None:
    build.bill(build.account())
    done = build.run(after(-3), dry_run=True)
    assert (done.opened, done.told) == (1, 3)
    assert not ArrearsCase.objects.exists()
    assert not CaseNotice.objects.exists()


def test_the_named_command_sends_only_notices_of_disconnection(capsys: Any) -> None:
    gone, fresh = build.account(), build.account()
    build.bill(gone)
    build.bill(fresh, due_on=after(80))
    build.days(gone, after(-3), after(80))
    at = noon(after(81)).isoformat()
    call_command("send_disconnection_notices", "--as-of", at, "--dry-run", "--json")
    assert '"told": 3' in capsys.readouterr().out
    assert not Message.objects.filter(code="disconnection_ahead").exists()
    call_command("send_disconnection_notices", "--as-of", at)
    call_command("send_disconnection_notices", "--as-of", at)
    assert Message.objects.filter(code="disconnection_ahead").count() == 3
    assert build.stage(gone) == "DISCONNECT_WARNED"
    assert build.stage(fresh) == "NONE"


def test_a_line_left_off_after_payment_comes_back(capsys: Any) -> None:
    account = build.account()
    row = build.line(account)
    suspensions.suspend(number=row.number, reason=SuspensionReason.ARREARS, actor=ACTOR, as_of=noon(after(1)))
    call_command("restore_services", "--as-of", noon(after(2)).isoformat(), "--dry-run")
    assert build.is_off(row)
    call_command("restore_services", "--as-of", noon(after(2)).isoformat(), "--json")
    assert not build.is_off(row)
    assert '"restored": 1' in capsys.readouterr().out


def test_who_owes_stays_off() -> None:
    account = build.account()
    row = build.line(account)
    build.bill(account)
    build.days(account, after(-3), after(31))
    for _counts in restoring.run(restoring.Job(as_of=noon(after(32)))):
        pass
    assert build.is_off(row)
