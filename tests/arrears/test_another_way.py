"""Who is not proven to have been told is told again, on another channel, and in the end by letter."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail

from accounts.models import BillingAccount, Contact
from accounts.services import contacts
from arrears.choices import Stage, Wait
from arrears.disconnect_rules import Missing, missing
from arrears.models import ArrearsCase, CaseNotice
from arrears.selectors import board, disconnecting, facts
from catalog.models import Subscription
from core import clock
from core.scopes import everything
from notices.models import Channel, Delivery, DeliveryState, Failure, Message
from notices.services import fallbacks, letters, sending
from tests.arrears import build, build_cut
from tests.arrears.build import ACTOR, after, noon
from tests.core.test_uploads import picture
from tests.sandbox.process import SECRET, SandboxProcess, running, until

pytestmark = pytest.mark.django_db
ADDRESS = "幸福路 1 号"
HALF_A_DAY = timedelta(hours=12)
WARNED = after(81)  # 50 days after the suspension


def owing(*, mailbox: bool = True, phone: str = "", address: str = ADDRESS) -> BillingAccount:
    made = build.account(phones=1, address=address)
    if phone:
        Contact.objects.filter(account=made).update(value=phone)
    if mailbox:
        Contact.objects.create(
            account=made, kind=Contact.Kind.EMAIL, value="late@example.com", created_at=noon(date(2026, 1, 1))
        )
    build.line(made)
    build.bill(made)
    return made


def warned(**wanted: Any) -> BillingAccount:
    """Told today that the line will be cut; nothing has gone out of that yet."""
    made = owing(**wanted)
    for n in (-3, 1, 23, 30, 31):
        build.one(made, after(n))
        build_cut.deliver(after(n))
    build.one(made, WARNED)
    return made


def told(kind: str) -> Message:
    """What that contact was told of the disconnection."""
    ref = f"contact:{Contact.objects.get(kind=kind).pk}"
    return CaseNotice.objects.get(contact_ref=ref, stage=Stage.DISCONNECT_WARNED).message


def sent(message: Message, *, failure: str = "") -> None:
    state = DeliveryState.FAILED if failure else DeliveryState.SENT
    rows = message.deliveries.filter(state=DeliveryState.QUEUED)
    for row in rows:
        Delivery.objects.filter(pk=row.pk).update(state=state, failure=failure, sent_at=noon(WARNED))
        if failure == Failure.HARD:
            fallbacks.hasten(row, as_of=noon(WARNED))


def arrived(row: Delivery, on: date) -> None:
    build_cut.receive([row.pk], on)
    Delivery.objects.filter(pk=row.pk).update(state=DeliveryState.DELIVERED, delivered_at=noon(on))


def posted(on: date) -> None:
    """Every letter that waits is printed and posted that day, and counts a week later."""
    listed = letters.print_list(sight=everything, region_ref="", actor=ACTOR, as_of=noon(on))
    stamp = letters.Proof("stamp.jpg", [picture()])
    letters.register_posting(list_id=listed.pk, posted_on=on, proof=stamp, actor=ACTOR, as_of=noon(on))
    letters.deliver(as_of=noon(on + timedelta(days=8)))


def ways(message: Message) -> list[tuple[str, str]]:
    return list(message.deliveries.order_by("pk").values_list("channel", "address"))


def line_of(account: BillingAccount) -> Subscription:
    return Subscription.objects.get(payer=account)


def lacking(of: BillingAccount, on: date) -> tuple[Missing, ...]:
    """What the notices lack for a cut on that day."""
    line = line_of(of)
    found = missing(disconnecting.facts([line], as_of=noon(on))[line.pk], on)
    return tuple(each for each in found if each not in (Missing.WARRANT, Missing.APPROVERS))


def phone() -> Contact:
    return Contact.objects.get(kind="PHONE")


def post() -> list[Delivery]:
    return list(
        Delivery.objects.filter(channel=Channel.LETTER, message__code="disconnection_ahead").order_by("pk")
    )


def test_without_a_receipt_it_goes_there_once_more_and_then_to_another_channel() -> None:
    warned()
    message = told("PHONE")
    sent(message)
    assert fallbacks.run(as_of=noon(WARNED) + HALF_A_DAY - timedelta(minutes=1)) == 0
    fallbacks.run(as_of=noon(WARNED) + HALF_A_DAY)
    assert ways(message) == [("SMS", phone().value)] * 2
    sent(message)
    fallbacks.run(as_of=noon(WARNED) + 2 * HALF_A_DAY)
    assert ways(message) == [("SMS", phone().value)] * 2 + [("EMAIL", "late@example.com")]
    assert fallbacks.run(as_of=noon(WARNED) + timedelta(days=9)) == 0


def test_what_has_not_gone_out_yet_is_not_said_twice() -> None:
    warned()
    message = told("PHONE")
    fallbacks.run(as_of=noon(WARNED) + HALF_A_DAY)
    assert ways(message) == [("SMS", phone().value)]
    sent(message)
    fallbacks.run(as_of=noon(WARNED) + 2 * HALF_A_DAY)
    assert ways(message) == [("SMS", phone().value)] * 2


def test_a_dead_number_is_not_tried_again_the_other_channel_is_at_once() -> None:
    warned()
    message = told("PHONE")
    sent(message, failure=Failure.HARD)
    assert fallbacks.run(as_of=noon(WARNED)) == 1
    assert ways(message) == [("SMS", phone().value), ("EMAIL", "late@example.com")]
    assert fallbacks.run(as_of=noon(WARNED) + timedelta(days=9)) <= 1  # the mailbox's own message
    assert message.deliveries.count() == 2


def test_the_second_try_proves_as_much_as_the_first() -> None:
    account = warned(mailbox=False)
    message = told("PHONE")
    sent(message)
    fallbacks.run(as_of=noon(WARNED) + HALF_A_DAY)
    assert lacking(account, after(93)) == (Missing.NOT_DELIVERED,)
    arrived(message.deliveries.get(instead_of__isnull=False), after(82))
    assert lacking(account, after(93)) == ()


@pytest.mark.parametrize("failure", ["", Failure.HARD])
def test_what_became_of_the_mail_says_nothing_of_the_telephone(failure: str) -> None:
    account = warned()
    message, own = told("PHONE"), told("EMAIL")
    sent(message)
    arrived(own.deliveries.get(), WARNED)
    for n in (1, 2):
        fallbacks.run(as_of=noon(WARNED) + n * HALF_A_DAY)
        sent(message)
    mailed = message.deliveries.get(channel="EMAIL")
    if failure:
        Delivery.objects.filter(pk=mailed.pk).update(state=DeliveryState.FAILED, failure=failure)
    else:
        arrived(mailed, after(82))
    (ref,) = (each for each in facts.of([account.pk], as_of=noon(after(84)))[account.pk].facts.told
              if each.ref == f"contact:{phone().pk}" and each.code == "disconnection_ahead")  # fmt: skip
    assert (ref.delivered_on, ref.is_hard) == (None, False)
    assert lacking(account, after(93)) == (Missing.NOT_DELIVERED,)


@pytest.mark.parametrize("failure", ["", Failure.SOFT])
def test_nothing_proven_for_days_a_letter_goes_once_and_a_person_looks(failure: str) -> None:
    account = warned(mailbox=False)
    sent(told("PHONE"), failure=failure)
    build.one(account, after(83))
    assert post() == []
    for n in (84, 85):
        build.one(account, after(n))
    (letter,) = post()
    assert ADDRESS in letter.address
    posted(after(85))
    # The telephone may have said it or not: only who is known to be dead is replaced by a letter.
    assert lacking(account, after(100)) == (Missing.NOT_DELIVERED,)
    (stuck,) = board.unreachable(everything, as_of=noon(after(100)))
    assert stuck.decision
    assert stuck.decision.next
    assert Wait.PROOF in stuck.decision.next.waits
    message = told("PHONE")
    message.deliveries.filter(channel="SMS").update(state=DeliveryState.FAILED, failure=Failure.HARD)
    assert lacking(account, after(100)) == ()


def test_who_is_proven_to_have_been_told_gets_no_letter() -> None:
    account = warned(mailbox=False)
    arrived(told("PHONE").deliveries.get(), WARNED)
    for n in (84, 88):
        build.one(account, after(n))
    assert post() == []


@pytest.mark.parametrize("what", ["paid", "held"])
def test_what_is_not_so_any_more_is_not_said_again(what: str) -> None:
    account = warned()
    message = told("PHONE")
    sent(message)
    if what == "paid":
        build.pay(account, 100_000, WARNED)
        build.one(account, WARNED)
        assert not ArrearsCase.objects.open().exists()
    else:
        build_cut.exempt(build_cut.Scene(account, line_of(account), WARNED))
    assert fallbacks.run(as_of=noon(WARNED) + HALF_A_DAY) == 0
    assert ways(message) == [("SMS", phone().value)]


def test_a_letter_to_an_address_that_has_changed_proves_nothing_and_another_goes_to_the_new_one() -> None:
    account = warned(mailbox=False)
    sent(told("PHONE"), failure=Failure.HARD)
    build.one(account, WARNED)
    posted(after(82))
    assert lacking(account, after(100)) == ()
    contacts.change_post_address(account_id=account.pk, address="新街 2 号", as_of=noon(after(91)))
    assert lacking(account, after(100)) == (Missing.NOT_DELIVERED,)
    for n in (91, 92):
        build.one(account, after(n))
    assert [("新街" in each.address) for each in post()] == [False, True]
    assert list(
        CaseNotice.objects.filter(contact_ref__startswith="post").values_list("contact_ref", flat=True)
    ) == [
        "post",
        "post:2",
    ]
    posted(after(92))
    assert lacking(account, after(100)) == (Missing.NOTICE_TOO_LATE,)
    assert lacking(account, after(107)) == ()


@pytest.fixture
def carrier(live_server: Any, settings: Any, tmp_path: Path) -> Iterator[SandboxProcess]:
    """A gateway that loses every receipt and is asked for none."""
    with running(
        "--keys", str(tmp_path), HALL_BASE_URL=live_server.url, SANDBOX_RECEIPT_SECONDS="0.05"
    ) as process:
        settings.SMS_GATEWAY_URL = f"{process.url}/sms/send"
        settings.SMS_GATEWAY_BATCH_URL = f"{process.url}/sms/batch"
        settings.SMS_GATEWAY_QUERY_URL = ""
        settings.SMS_GATEWAY_SECRET = SECRET
        process.post("/sms/chaos", json.dumps({"seed": 3, "lose": 1.0}).encode())
        yield process


@pytest.mark.django_db(transaction=True)
def test_whose_receipts_are_lost_is_told_again_by_mail_and_by_letter(carrier: SandboxProcess) -> None:
    account = warned()
    message = told("PHONE")
    tell_all()
    for n in (1, 2):
        fallbacks.run(as_of=noon(WARNED) + n * HALF_A_DAY)
        tell_all()
    build.one(account, after(84))
    by_phone = message.deliveries.filter(channel="SMS")
    until(lambda: set(by_phone.values_list("state", flat=True)) == {"SENT"})
    assert by_phone.count() == 2
    # The mailbox's own message, that once more, and the one that the telephone did not confirm.
    assert [each.to for each in mail.outbox if "拆机" in each.subject] == [["late@example.com"]] * 3
    assert [ADDRESS in each.address for each in post()] == [True]
    assert lacking(account, after(93)) == (Missing.NOT_DELIVERED,)


def tell_all() -> None:
    while sending.work(clock=clock.now):
        pass
