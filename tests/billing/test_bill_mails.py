"""New bills go out by e-mail, once each."""

import json
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import BillingAccount, Region, User
from billing import tasks
from billing.models import Bill, BillKind, BillMail, EmailSubscription
from billing.services.bills import bills
from billing.services.mails import bill_mails, email_subscriptions
from core import clock
from core.models import Heartbeat
from notices.models import Channel, Delivery, Message
from notices.providers import registry, signature
from notices.providers.base import Outgoing, ProviderError, Sent
from notices.services import bulk_messages, receipts
from tests.billing import build, emails
from tests.billing.build import ACTOR
from tests.conftest import NOON
from tests.threads import together

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
LATER = NOON + HOUR
TODAY = date(2026, 11, 18)


@pytest.fixture
def alice() -> User:
    return build.user()


@pytest.fixture
def account(alice: User) -> BillingAccount:
    return build.account(alice)


@pytest.fixture
def subscription(account: BillingAccount, alice: User) -> EmailSubscription:
    row = emails.subscribe(account, alice)
    mail.outbox.clear()
    return row


def bill(
    of: BillingAccount,
    cents: int = 2600,
    *,
    issued_on: date = TODAY,
    as_of: datetime = LATER,
    kind: BillKind = BillKind.PERIODIC,
) -> Bill:
    return bills.issue(
        account_id=of.pk,
        lines=[bills.Line("BASIC", "基本收视维护费", cents)],
        issued_on=issued_on,
        due_on=issued_on + timedelta(days=30),
        source="test",
        source_number=f"mail{of.pk}-{issued_on}-{as_of}-{kind}",
        period=f"{issued_on:%Y-%m}" if kind == BillKind.PERIODIC else "",
        kind=kind,
        as_of=as_of,
    )


@pytest.mark.usefixtures("subscription")
def test_a_new_bill_is_mailed_with_its_paper(account: BillingAccount) -> None:
    issued = bill(account)
    assert emails.run(LATER).as_json() == {"sent": 1, "failed": 0}
    emails.work(LATER)
    (sent,) = emails.to()
    assert sent.subject == f"尾号 {account.number[-4:]} 的2026年11月账单"
    assert "本期费用：¥26.00\n还应缴：¥26.00\n缴费截止日：2026年12月18日" in sent.body
    assert f"/bills/{issued.number}/" in emails.links(sent.body)
    (attached,) = sent.attachments
    assert attached[0] == f"{issued.number}.pdf"
    assert attached[1].startswith(b"%PDF-")
    assert attached[2] == "application/pdf"


@pytest.mark.usefixtures("subscription")
def test_the_body_names_neither_the_account_nor_its_holder(account: BillingAccount) -> None:
    bill(account)
    emails.run(LATER)
    emails.work(LATER)
    (sent,) = emails.to()
    for personal in (account.number, account.customer.name):
        assert personal not in sent.subject + sent.body


def test_every_mail_can_be_unsubscribed_from(
    account: BillingAccount, subscription: EmailSubscription
) -> None:
    bill(account)
    emails.run(LATER)
    emails.work(LATER)
    (sent,) = emails.to()
    headers = sent.message()
    link = email_subscriptions.unsubscribe_url(subscription)
    assert headers["List-Unsubscribe"] == f"<{link}>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link in sent.body


def test_it_speaks_the_subscriber_s_language(account: BillingAccount, alice: User) -> None:
    emails.subscribe(account, alice, language="en")
    bill(account)
    emails.run(LATER)
    emails.work(LATER)
    sent = emails.to()[-1]
    assert sent.subject == f"Your bill for November 2026, account ending in {account.number[-4:]}"
    assert "Still to pay: ¥26.00" in sent.body


@pytest.mark.usefixtures("subscription")
def test_nothing_to_pay_asks_for_nothing(account: BillingAccount) -> None:
    bill(account, 0)
    emails.run(LATER)
    emails.work(LATER)
    (sent,) = emails.to()
    assert "不用再缴费" in sent.body
    assert "截止" not in sent.body


@pytest.mark.usefixtures("subscription")
def test_a_second_run_sends_nothing(account: BillingAccount) -> None:
    bill(account)
    assert [emails.run(LATER).sent, emails.run(LATER).sent, emails.run(LATER + HOUR).sent] == [1, 0, 0]
    emails.work(LATER)
    assert len(emails.to()) == 1


@pytest.mark.usefixtures("subscription")
def test_what_is_not_new_is_not_sent(account: BillingAccount) -> None:
    bill(account, as_of=NOON - HOUR)  # written before the subscription was confirmed
    bill(account, issued_on=TODAY - timedelta(days=32))  # imported history
    bill(account, kind=BillKind.ORDER)
    bill(account, as_of=NOON + 5 * HOUR)  # not yet
    assert emails.run(LATER).sent == 0
    bill(account, issued_on=TODAY - timedelta(days=31))  # the month in which he subscribed
    assert emails.run(LATER).sent == 1


def test_a_bill_that_nobody_looked_for_in_two_months_is_no_news(
    account: BillingAccount, subscription: EmailSubscription
) -> None:
    bill(account)
    assert emails.run(LATER + timedelta(days=63)).sent == 0
    assert emails.run(LATER + timedelta(days=61)).sent == 1


def test_only_the_active_get_mail(account: BillingAccount, alice: User) -> None:
    emails.ask(account, alice)
    ended = build.account(alice)
    emails.subscribe(ended, alice, address="a@example.com", as_of=NOON + timedelta(minutes=2))
    email_subscriptions.unsubscribe(account_id=ended.pk, actor=ACTOR, as_of=NOON)
    bill(account)
    bill(ended)
    bill(build.account())
    assert emails.run(LATER).sent == 0


def test_who_unsubscribes_while_the_mail_waits_does_not_get_it(
    account: BillingAccount, subscription: EmailSubscription
) -> None:
    bill(account)
    emails.run(LATER)
    email_subscriptions.unsubscribe(account_id=account.pk, actor=ACTOR, as_of=LATER)
    emails.work(LATER)
    assert emails.to() == []
    assert Delivery.objects.get(message__code="bill_mail").error == "withdrawn"
    subscription.refresh_from_db()
    assert subscription.state == "ENDED"


@pytest.mark.usefixtures("subscription")
def test_a_dry_run_counts_and_changes_nothing(account: BillingAccount) -> None:
    bill(account)
    before = Message.objects.count()
    assert emails.run(LATER, dry_run=True).sent == 1
    assert (BillMail.objects.count(), Message.objects.count()) == (0, before)


def crowd(n: int) -> list[Bill]:
    """That many subscribers with a new bill each."""
    issued = []
    for i in range(n):
        user = build.user()
        account = build.account(user)
        emails.subscribe(account, user, address=f"user{i}@example.com")
        issued.append(bill(account))
    mail.outbox.clear()
    return issued


def test_limit_and_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bill_mails, "CHUNK", 2)
    issued = crowd(5)
    assert emails.run(LATER, account_number=issued[3].account.number).sent == 1
    assert emails.run(LATER, limit=3).sent == 3
    assert emails.run(LATER).sent == 1
    emails.work(LATER)
    assert sorted(each.to[0] for each in mail.outbox) == [f"user{i}@example.com" for i in range(5)]


def test_the_queries_of_a_chunk_do_not_grow() -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            emails.run(LATER)
        return len(seen)

    crowd(2)
    few = queries()
    crowd(8)
    assert queries() == few


def test_asked_to_stop_it_finishes_its_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bill_mails, "CHUNK", 2)
    crowd(4)
    answers = iter([False, True])
    assert emails.run(LATER, stop=lambda: next(answers)).sent == 2
    assert emails.run(LATER).sent == 2


def test_a_killed_run_has_sent_all_or_nothing_of_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """SystemExit stands for the kill: nothing catches it, and the transaction is lost."""
    monkeypatch.setattr(bill_mails, "CHUNK", 2)
    crowd(5)
    write, calls = bulk_messages.send, []

    def dies(**values: Any) -> int:
        calls.append(1)
        sent = write(**values)
        if len(calls) == 2:
            raise SystemExit
        return sent

    monkeypatch.setattr(bulk_messages, "send", dies)
    with pytest.raises(SystemExit):
        emails.run(LATER)
    assert (BillMail.objects.count(), Message.objects.filter(code="bill_mail").count()) == (2, 2)
    monkeypatch.undo()
    assert emails.run(LATER).sent == 3
    emails.work(LATER)
    assert sorted(each.to[0] for each in mail.outbox) == [f"user{i}@example.com" for i in range(5)]


def test_one_bad_row_costs_its_own_mail_only(monkeypatch: pytest.MonkeyPatch) -> None:
    issued = crowd(3)
    letter = bill_mails._letter

    def breaks(row: EmailSubscription, each: Bill) -> bulk_messages.Letter:
        if each.pk == issued[1].pk:
            raise ValueError("a bad bill")
        return letter(row, each)

    monkeypatch.setattr(bill_mails, "_letter", breaks)
    assert emails.run(LATER).as_json() == {"sent": 2, "failed": 1}
    assert emails.run(LATER).as_json() == {"sent": 0, "failed": 1}
    monkeypatch.undo()
    assert emails.run(LATER).as_json() == {"sent": 1, "failed": 0}


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_the_same_moment_send_once() -> None:
    crowd(12)
    assert sum(together(*[lambda: emails.run(LATER).sent] * 3)) == 12
    assert BillMail.objects.count() == 12
    assert Delivery.objects.filter(message__code="bill_mail").count() == 12


def test_a_bill_is_mailed_once_whoever_writes(
    account: BillingAccount, subscription: EmailSubscription
) -> None:
    issued = bill(account)
    BillMail.objects.create(bill=issued, subscription=subscription, at=NOON)
    with pytest.raises(IntegrityError), transaction.atomic():
        BillMail.objects.create(bill=issued, subscription=subscription, at=LATER)
    assert emails.run(LATER).sent == 0


@pytest.mark.django_db(transaction=True)
def test_the_job_leaves_a_heartbeat(account: BillingAccount, subscription: EmailSubscription) -> None:
    bill(account)
    assert bill_mails.run_now(as_of=LATER).sent == 1
    beat = Heartbeat.objects.get(job="mail_bills")
    assert (beat.last_ok, beat.detail) == (True, {"sent": 1, "failed": 0})
    with clock.stopped(LATER):
        assert tasks.mail_bills() == 0


@pytest.mark.usefixtures("subscription")
def test_the_command(account: BillingAccount) -> None:
    bill(account)

    def run(*options: str) -> str:
        out = StringIO()
        call_command("mail_bills", "--as-of", LATER.isoformat(), *options, stdout=out)
        return out.getvalue()

    assert json.loads(run("--dry-run", "--json")) == {"sent": 1, "failed": 0}
    assert run("--account", "nobody") == "sent 0, failed 0\n"
    assert run("--account", account.number, "--limit", "5") == "sent 1, failed 0\n"
    assert json.loads(run("--json")) == {"sent": 0, "failed": 0}


class Server:
    """A mail server that refuses."""

    code = "email"

    def send(self, message: Outgoing, *, timeout: float) -> Sent:
        raise ProviderError("recipient refused: 550", permanent=True, failure="HARD")  # type: ignore[arg-type]


def told(code: str = "email_bill_stopped") -> int:
    return Delivery.objects.filter(channel="SMS", message__code=code).count()


def test_a_mailbox_that_refuses_stops_the_next_bills(
    account: BillingAccount, subscription: EmailSubscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill(account)
    emails.run(LATER)
    monkeypatch.setitem(registry._BY_CHANNEL, "EMAIL", Server())
    emails.work(LATER)
    emails.hear(LATER)
    subscription.refresh_from_db()
    assert (subscription.state, told()) == ("BOUNCED", 1)
    bill(account, as_of=LATER + HOUR)
    assert emails.run(LATER + HOUR).sent == 0


def report(status: str, settings: Any) -> None:
    """What the mail provider says of the newest mail."""
    settings.EMAIL_WEBHOOK_SECRET = "s"
    delivery = Delivery.objects.filter(channel="EMAIL").latest("pk")
    fields = {
        "provider_message_id": delivery.provider_message_id,
        "message_id": "",
        "status": status,
        "at": "",
        "error": "",
    }
    raw = json.dumps(fields).encode()
    receipts.take(raw=raw, given_signature=signature.of(raw, "s"), as_of=LATER, channel=Channel.EMAIL)
    emails.hear(LATER)


@pytest.mark.parametrize(
    ("status", "state"), [("BOUNCED_HARD", "BOUNCED"), ("COMPLAINED", "ENDED"), ("BOUNCED_SOFT", "ACTIVE")]
)
def test_a_later_report_of_the_provider(
    account: BillingAccount, subscription: EmailSubscription, settings: Any, status: str, state: str
) -> None:
    bill(account)
    emails.run(LATER)
    emails.work(LATER)
    report(status, settings)
    report(status, settings)
    subscription.refresh_from_db()
    assert (subscription.state, told()) == (state, int(state == "BOUNCED"))


def test_three_soft_bounces_in_a_row_are_a_refusal(
    account: BillingAccount, subscription: EmailSubscription, settings: Any
) -> None:
    statuses = ["BOUNCED_SOFT", "BOUNCED_SOFT", "DELIVERED", "BOUNCED_SOFT", "BOUNCED_SOFT", "BOUNCED_SOFT"]
    seen = []
    for n, status in enumerate(statuses):
        at = LATER + timedelta(minutes=n)
        bill(account, as_of=at)
        assert emails.run(at).sent == 1
        emails.work(at)
        report(status, settings)
        subscription.refresh_from_db()
        seen.append(subscription.state)
    assert seen == ["ACTIVE"] * 5 + ["BOUNCED"]
    assert told() == 1


def test_only_a_region() -> None:
    issued = crowd(2)
    city = Region.objects.create(code="R1", name="R1", level=Region.Level.CITY)
    BillingAccount.objects.filter(pk=issued[1].account_id).update(region=city)
    assert emails.run(LATER, region="R1").sent == 1
    assert emails.run(LATER).sent == 1
