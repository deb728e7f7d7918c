"""The case: he paid to keep his number, left another phone, fell into arrears. He hears of each step before it comes.

First as it must go: told on every contact, with proof, until two people let the line be cut; his number waits for him.
Then the other way: nobody hears anything, and nothing that anybody tries cuts the line.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from accounts.models import Contact
from arrears.models import ArrearsCase, Warrant
from billing.models import Bill
from catalog.models import Subscription, Suspension, Termination
from core.errors import HallError
from notices.models import Failure, Message
from resources.selectors import numbers
from tests.accounts.sms import text_to
from tests.arrears import build as arrears
from tests.arrears.build import noon
from tests.billing import build as money
from tests.catalog.offers import build as shop
from tests.catalog.orders import build as orders
from tests.catalog.pauses import build as pauses
from tests.core.test_roles import made_roles  # noqa: F401  # a fixture
from tests.journeys import arrears_story as story
from tests.journeys import arrears_story_unheard as unheard
from tests.journeys.arrears_story import BEGIN, DAY, DIGITS, Story
from tests.sandbox.process import SECRET, SandboxProcess, running

pytestmark = pytest.mark.django_db(transaction=True)
OTHER_PHONE = "+8613722223333"
LINE = f"service:{DIGITS}"
# What is said on the way, and on which day: after the due date, and after the suspension.
BEFORE = {"bill_due_soon": -3, "bill_overdue": 1, "suspension_ahead": 23}
AFTER = {"suspended": 0, "disconnection_ahead": 50}


@pytest.fixture
def carrier(settings: Any, tmp_path: Path) -> Iterator[SandboxProcess]:
    """Gives receipts only when it is asked: whoever wants to call it back has no address."""
    settings.MEDIA_ROOT, settings.UPLOAD_SCANNER = tmp_path, "off"
    settings.SMS_GATEWAY_SECRET = SECRET
    with running(
        "--keys", str(tmp_path), HALL_BASE_URL="http://127.0.0.1:1", SANDBOX_RECEIPT_SECONDS="0"
    ) as found:
        settings.SMS_GATEWAY_URL = f"{found.url}/sms/send"
        settings.SMS_GATEWAY_BATCH_URL = f"{found.url}/sms/batch"
        settings.SMS_GATEWAY_QUERY_URL = f"{found.url}/sms/receipts"
        yield found


def test_he_hears_of_every_step_and_his_number_waits_for_him(carrier: SandboxProcess, tmp_path: Path) -> None:
    at = story.begin()
    keeps_his_number(at)
    due_on = falls_into_arrears(at)
    off_on = is_suspended_after_all_warnings(at, due_on)
    told_on = is_warned_of_the_end(at, off_on)
    is_cut_only_when_everything_is_proven(at, told_on, tmp_path)
    has_his_number_back(at, told_on + 20 * DAY)


def keeps_his_number(at: Story) -> None:
    """In January he pauses the line at a fee and leaves another phone; on the first of March it is on again."""
    begins_on, resume_on = BEGIN + 6 * DAY, date(2026, 3, 1)
    raw = {"subscription": at.line.number, "resume_on": resume_on.isoformat(), "contact": OTHER_PHONE}
    slip = story.submit(at.user, "service.pause", raw, at=noon(begins_on), code_at=OTHER_PHONE)
    orders.switch(noon(begins_on))
    assert (slip.state, at.is_off("CUSTOMER")) == ("DONE", True)
    left = Contact.objects.get(account=at.account, value=OTHER_PHONE)
    assert left.verified_at == noon(begins_on)
    pay(at, at.bill("2026-01", date(2026, 2, 1)), date(2026, 2, 10))
    kept = at.bill("2026-02", resume_on)
    assert kept.total_cents == 500
    pauses.run(resume_on)
    orders.switch(noon(resume_on))
    assert not at.is_off("CUSTOMER")
    pay(at, kept, resume_on + DAY)


def pay(at: Story, bill: Bill, on: date) -> None:
    orders.pay(bill, as_of=noon(on))
    assert not Bill.objects.open().filter(account=at.account).exists()


def falls_into_arrears(at: Story) -> date:
    """The bill of March stays unpaid."""
    march = at.bill("2026-03", date(2026, 4, 1))
    assert march.total_cents == 3000
    at.live(date(2026, 4, 1), march.due_on + 22 * DAY)
    assert at.stages == {"REMINDED": march.due_on - 3 * DAY, "OVERDUE": march.due_on + DAY}
    return march.due_on


def is_suspended_after_all_warnings(at: Story, due_on: date) -> date:
    """His own number is dead as long as nobody answers it: what matters goes there by letter."""
    off_on = (
        due_on + (23 + 7 + 7) * DAY
    )  # the letter takes a week, and counts for a week; without it the 31st day
    at.live(due_on + 23 * DAY, off_on - DAY)
    assert at.stages["SUSPEND_WARNED"] == due_on + 23 * DAY
    assert not at.is_off("ARREARS")
    heard(at, {code: due_on + n * DAY for code, n in BEFORE.items()} | {"suspension_tomorrow": off_on - DAY})
    assert story.letter_lists() == 1
    assert "停机" in text_to(OTHER_PHONE)
    at.day(off_on)
    assert at.stages["SUSPENDED"] == off_on
    assert at.is_off("ARREARS")
    return off_on


def is_warned_of_the_end(at: Story, off_on: date) -> date:
    """Nothing more comes by itself, however long the days go on; the day from which on the end would be lawful."""
    told_on = off_on + (50 + 7 + 7) * DAY
    at.live(off_on + DAY, told_on - DAY)
    assert at.stages["DISCONNECT_WARNED"] == off_on + 50 * DAY
    heard(
        at, {code: off_on + n * DAY for code, n in AFTER.items()} | {"disconnection_tomorrow": told_on - DAY}
    )
    letter = at.told("disconnection_ahead")["post"]
    assert (letter.state, letter.letter_list is not None) == ("DELIVERED", True)
    assert at.line.state == "ACTIVE"
    return told_on


def heard(at: Story, days: dict[str, date]) -> None:
    """On every contact, on that day; what is needed as proof arrived, or a letter did."""
    for code, on in days.items():
        told = at.told(code)
        assert told.keys() - {"post"} == at.refs(), code
        for ref, delivery in told.items():
            if ref == "post":
                assert delivery.channel == "LETTER"
                assert delivery.letter_list is not None
                assert delivery.letter_list.proof is not None
                continue
            assert delivery.created_at == noon(on), (code, ref)
            if ref == LINE:
                assert (delivery.state, delivery.failure) == ("FAILED", Failure.HARD)
            else:
                assert (delivery.state, delivery.receipts.get().is_verified) == ("DELIVERED", True), (
                    code,
                    ref,
                )
        is_needed = code in ("suspension_ahead", "disconnection_ahead")
        assert ("post" in told) == is_needed, code


def is_cut_only_when_everything_is_proven(at: Story, told_on: date, folder: Path) -> None:
    early = told_on - DAY
    [line] = story.dry_run(early, folder / "early.csv")
    assert (line["verdict"], line["missing"]) == ("REFUSED", "NOTICE_TOO_LATE")
    [line] = story.dry_run(told_on, folder / "plan.csv")
    assert (line["service_number"], line["verdict"]) == (DIGITS, "CUT")
    with pytest.raises(CommandError):
        story.carry_out(told_on, folder / "plan.csv")  # nobody has approved it
    assert story.approve("first", "first", on=told_on).state == "MADE"
    assert story.approve("second", on=told_on).state == "APPROVED"
    assert not Termination.objects.exists()
    story.carry_out(told_on, folder / "plan.csv")
    orders.switch(noon(told_on))
    is_cut(at, told_on)


def is_cut(at: Story, on: date) -> None:
    """With its warrant and a proof for each contact; the debt stays, and the number is in its lock."""
    at.line.refresh_from_db()
    warrant = Warrant.objects.get()
    assert (at.line.state, at.line.ends_on) == ("TERMINATED", on)
    assert {each.contact_ref for each in warrant.proofs.all()} == at.refs()
    assert warrant.first_approver.username == "first"
    assert warrant.second_approver.username == "second"
    assert (at.case.stage, at.case.closed_at) == ("DISCONNECTED", None)
    assert warrant.owed_cents == sum(Bill.objects.open().values_list("open_cents", flat=True))
    kept = numbers.present(numbers.get(DIGITS), as_of=noon(on))
    assert kept is not None
    assert (kept.kind, kept.ends_at is not None) == ("LOCK", True)
    assert kept.ends_at > noon(on + timedelta(days=180))  # type: ignore[operator]  # looked at above
    codes = Message.objects.filter(code="disconnected").count()
    assert codes == len(at.refs()) - 1 + 1  # the line is none any more, the inbox is one
    assert Suspension.objects.filter(reason="ARREARS", ends_on=None).count() <= 1
    assert money.books_are_right()


def has_his_number_back(at: Story, on: date) -> None:
    """Online and by himself: he pays what he owes, chooses an offer of today, and the number is his again."""
    orders.offer("sim-light", 1900, type=shop.product_type("number"))
    raw = {"subscription": at.line.number, "offer": "sim-light"}
    phone = str(at.user.phone)
    with pytest.raises(HallError) as refused:
        story.submit(at.user, "number.restore", raw, at=noon(on))
    assert refused.value.code == "NUMBER_RESTORE_ARREARS"
    for _time in range(2):  # the second pays the penalty, which is billed with the first
        owed = sum(Bill.objects.open().filter(account=at.account).values_list("open_cents", flat=True))
        paid = money.payment(at.account, owed, as_of=noon(on))
        money.apply(paid, money.report(paid, paid_at=noon(on), occurred_at=noon(on)), as_of=noon(on))
        orders.switch(noon(on))
    ended = ArrearsCase.objects.get(account=at.account, highest_stage="DISCONNECTED")
    assert (ended.close_reason, ArrearsCase.objects.open().exists()) == ("PAID", False)
    slip = story.submit(at.user, "number.restore", raw, at=noon(on) + DAY / 24, code_at=phone)
    orders.switch(noon(on) + DAY / 24)
    line = Subscription.objects.get(offer__code="sim-light")
    assert (slip.state, line.state, line.service_number) == ("DONE", "ACTIVE", DIGITS)
    held = numbers.present(numbers.get(DIGITS), as_of=noon(on) + DAY / 12)
    assert held is not None
    assert (held.kind, held.holder) == ("OWNER", f"subscription:{line.number}")
    assert Message.objects.filter(code="number_restored").exists()


def test_nobody_heard_and_nothing_that_is_tried_cuts_the_line(app: str, tmp_path: Path) -> None:
    """The carrier says that it has sent everything, and never that anything arrived."""
    at, last = nobody_hears()
    tries = unheard.tries(at, last, tmp_path, app)
    for name, why in unheard.WHY.items():
        found = unheard.refusal(tries.pop(name))
        assert why in found if why else not found, (name, found)
        at.line.refresh_from_db()
        assert (at.line.state, at.line.ends_on) == ("ACTIVE", None), name
        assert not Termination.objects.exists(), name
        assert not Warrant.objects.exists(), name
        held = numbers.present(numbers.get(DIGITS), as_of=noon(last))
        assert held is not None
        assert (held.kind, held.holder) == ("OWNER", f"subscription:{at.line.number}"), name
    assert not tries
    assert at.case.stage == "DISCONNECT_WARNED"


def nobody_hears() -> tuple[Story, date]:
    """A hundred days after he was warned of the end."""
    at = story.begin()
    march = at.bill("2026-03", date(2026, 4, 1))
    for n in (-3, 1, 23, 30, 31, 81, 91, 180):
        arrears.run(march.due_on + n * DAY)
        arrears.deliver(march.due_on + n * DAY, state="SENT")
    assert at.is_off("ARREARS")
    return at, march.due_on + 180 * DAY


@pytest.fixture
def app(made_roles: tuple[str, str]) -> str:  # noqa: F811  # the fixture
    return made_roles[0]
