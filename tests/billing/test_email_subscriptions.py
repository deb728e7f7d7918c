"""Bills by e-mail: asking, confirming, ending. The pages are in test_email_subscription_pages."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction

from accounts.models import BillingAccount, Membership, User
from billing.models import EMAIL_SUBSCRIPTION_MACHINE, EmailSubscription, EmailSubscriptionState
from billing.services.mails import email_subscriptions
from core.errors import Forbidden, NotFound
from notices.models import Delivery
from tests.billing import build, emails
from tests.billing.build import ACTOR
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
S = EmailSubscriptionState
OTHER = "li@example.com"
HOUR = timedelta(hours=1)


@pytest.fixture
def alice() -> User:
    return build.user()


@pytest.fixture
def bob() -> User:
    return build.user()


@pytest.fixture
def account(alice: User) -> BillingAccount:
    return build.account(alice)


def states(account: BillingAccount) -> list[str]:
    rows = EmailSubscription.objects.filter(account=account).order_by("pk")
    return list(rows.values_list("state", flat=True))


def steps(row: EmailSubscription) -> list[tuple[str, str, str]]:
    return list(row.history.order_by("pk").values_list("from_state", "to_state", "reason"))


def confirm(user: User, token: str, **more: object) -> EmailSubscription:
    values = {"as_of": NOON} | more
    return email_subscriptions.confirm(token=token, user_id=user.pk, actor=ACTOR, **values)  # type: ignore[arg-type]


def fail(row: EmailSubscription, failure: str) -> None:
    email_subscriptions.delivery_failed(reference=row.reference, failure=failure, actor=ACTOR, as_of=NOON)


def test_asking_sends_one_mail_and_nothing_else(account: BillingAccount, alice: User) -> None:
    row = emails.ask(account, alice)
    assert states(account) == [S.PENDING]
    assert steps(row) == [("", "PENDING", "asked for")]
    assert (row.consent, row.confirm_by) == (emails.CONSENT, NOON + 48 * HOUR)
    (sent,) = emails.to()
    assert sent.subject == "请确认接收电子账单"
    assert account.number not in sent.body
    assert account.number[-4:] in sent.body
    assert [path.split("/")[2] for path in emails.links(sent.body)] == ["confirm", "unsubscribe"]
    assert len(mail.outbox) == 1


def test_the_token_stands_in_no_table(account: BillingAccount, alice: User) -> None:
    emails.ask(account, alice)
    token = emails.token_to()
    assert len(token) == 43
    with connection.cursor() as cursor:
        for table in ("billing_emailsubscription", "notices_message", "notices_delivery", "core_outboxrow"):
            cursor.execute(f"SELECT string_agg(row::text, '') FROM {table} AS row")
            assert token not in (cursor.fetchone()[0] or "")


def test_confirming_makes_it_active_and_tells_the_contact(account: BillingAccount, alice: User) -> None:
    row = emails.subscribe(account, alice)
    assert states(account) == [S.ACTIVE]
    assert steps(row)[1:] == [("PENDING", "ACTIVE", "confirmed")]
    assert row.confirmed_at == NOON
    sms = Delivery.objects.get(channel="SMS")
    assert sms.address == alice.phone
    assert f"尾号 {account.number[-4:]}" in sms.body
    assert "w***@example.com" in sms.body


def test_confirming_again_changes_nothing(account: BillingAccount, alice: User) -> None:
    row = emails.subscribe(account, alice)
    again = confirm(alice, emails.token_to(), as_of=NOON + HOUR)
    assert (again.pk, again.confirmed_at) == (row.pk, NOON)
    assert len(steps(row)) == 2
    assert Delivery.objects.filter(channel="SMS").count() == 1


def test_a_link_lives_48_hours(account: BillingAccount, alice: User) -> None:
    row = emails.ask(account, alice)
    with pytest.raises(email_subscriptions.LinkEnded):
        confirm(alice, emails.token_to(), as_of=row.confirm_by)
    assert states(account) == [S.PENDING]
    confirm(alice, emails.token_to(), as_of=row.confirm_by - timedelta(seconds=1))
    assert states(account) == [S.ACTIVE]


def test_bob_cannot_confirm_what_alice_asked_for(account: BillingAccount, alice: User, bob: User) -> None:
    """Even with the link: he reads the mailbox that she mistyped."""
    emails.ask(account, alice)
    for user in (bob, build.user()):
        with pytest.raises(NotFound):
            confirm(user, emails.token_to())
    assert states(account) == [S.PENDING]


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "\u0661" * 43, "../../admin"])
def test_what_is_no_token_finds_nothing(account: BillingAccount, alice: User, token: str) -> None:
    emails.ask(account, alice)
    with pytest.raises(NotFound):
        confirm(alice, token)


def test_tokens_serve_one_purpose(account: BillingAccount, alice: User) -> None:
    row = emails.ask(account, alice)
    unsubscribing = email_subscriptions.unsubscribe_url(row).rstrip("/").rpartition("/")[2]
    with pytest.raises(NotFound):
        confirm(alice, unsubscribing)
    with pytest.raises(NotFound):
        email_subscriptions.unsubscribe_by_link(token=emails.token_to(), as_of=NOON)
    for forged in (row.reference, f"{row.reference}:", f"{row.reference}:{'A' * 43}", unsubscribing[:-1]):
        with pytest.raises(NotFound):
            email_subscriptions.unsubscribe_by_link(token=forged, as_of=NOON)
    assert states(account) == [S.PENDING]


def test_asking_again_ends_the_first_link(account: BillingAccount, alice: User) -> None:
    emails.ask(account, alice)
    first = emails.token_to()
    emails.ask(account, alice, as_of=NOON + HOUR)
    with pytest.raises(email_subscriptions.LinkEnded):
        confirm(alice, first)
    assert states(account) == [S.ENDED, S.PENDING]
    confirm(alice, emails.token_to())
    assert states(account) == [S.ENDED, S.ACTIVE]


def test_a_second_address_replaces_the_first_only_when_confirmed(
    account: BillingAccount, alice: User
) -> None:
    first = emails.subscribe(account, alice)
    emails.ask(account, alice, address=OTHER, as_of=NOON + HOUR)
    assert states(account) == [S.ACTIVE, S.PENDING]
    confirm(alice, emails.token_to(OTHER), as_of=NOON + HOUR)
    assert states(account) == [S.ENDED, S.ACTIVE]
    assert steps(first)[-1] == ("ACTIVE", "ENDED", "replaced")


def test_the_same_address_again_is_refused(account: BillingAccount, alice: User) -> None:
    emails.subscribe(account, alice)
    with pytest.raises(email_subscriptions.AlreadySubscribed):
        emails.ask(account, alice, as_of=NOON + HOUR)
    assert states(account) == [S.ACTIVE]


@pytest.mark.parametrize("role", [Membership.Role.PAYER, Membership.Role.VIEWER])
def test_who_may_only_pay_or_look_cannot_have_the_bills_sent(
    account: BillingAccount, bob: User, role: str
) -> None:
    Membership.objects.create(user=bob, account=account, role=role, created_at=NOON)
    with pytest.raises(Forbidden):
        emails.ask(account, bob)
    assert (states(account), mail.outbox) == ([], [])


def test_who_lost_the_right_meanwhile_cannot_confirm(account: BillingAccount, alice: User) -> None:
    emails.ask(account, alice)
    Membership.objects.filter(user=alice).update(role=Membership.Role.VIEWER)
    with pytest.raises(email_subscriptions.LinkEnded):
        confirm(alice, emails.token_to())
    assert states(account) == [S.PENDING]


def test_an_account_is_asked_for_once_a_minute_and_by_one_user_ten_times_a_day(
    account: BillingAccount, alice: User
) -> None:
    emails.ask(account, alice)
    emails.ask(build.account(alice), alice)
    with pytest.raises(email_subscriptions.TooManySubscriptions):
        emails.ask(account, alice, as_of=NOON + timedelta(seconds=59))
    for n in range(1, 9):
        emails.ask(account, alice, address=f"wang{n}@example.com", as_of=NOON + n * HOUR)
    with pytest.raises(email_subscriptions.TooManySubscriptions):
        emails.ask(account, alice, address="x@example.com", as_of=NOON + 10 * HOUR)
    assert states(account).count(S.PENDING) == 1
    emails.ask(account, alice, address="x@example.com", as_of=NOON + 25 * HOUR)


def test_an_address_gets_five_mails_a_day_and_nobody_learns_it() -> None:
    """Whoever asks: the sixth is told the same as the first, and a different one can only wait."""
    for _ in range(6):
        user = build.user()
        row = emails.ask(build.account(user), user)
        assert row.state == S.PENDING
    assert len(emails.to()) == 5


def test_unsubscribing_ends_all_that_is_open(account: BillingAccount, alice: User) -> None:
    row = emails.subscribe(account, alice)
    emails.ask(account, alice, address=OTHER, as_of=NOON + HOUR)
    assert email_subscriptions.unsubscribe(account_id=account.pk, actor=ACTOR, as_of=NOON) == 2
    assert states(account) == [S.ENDED, S.ENDED]
    assert steps(row)[-1] == ("ACTIVE", "ENDED", "unsubscribed")
    with pytest.raises(email_subscriptions.NotSubscribed):
        email_subscriptions.unsubscribe(account_id=account.pk, actor=ACTOR, as_of=NOON)


def test_the_link_in_the_mail_ends_its_own_subscription_only(account: BillingAccount, alice: User) -> None:
    emails.subscribe(account, alice)
    row = emails.subscribe(account, alice, address=OTHER, as_of=NOON + HOUR)
    old, new = (emails.links(emails.to(to)[-1].body)[-1] for to in (emails.ADDRESS, OTHER))
    for _ in range(2):
        email_subscriptions.unsubscribe_by_link(token=old.split("/")[-2], as_of=NOON)
    assert states(account) == [S.ENDED, S.ACTIVE]
    for _ in range(2):
        ended = email_subscriptions.unsubscribe_by_link(token=new.split("/")[-2], as_of=NOON)
        assert ended.state == S.ENDED
    assert steps(row)[-1] == ("ACTIVE", "ENDED", "unsubscribed by link")
    assert len(steps(row)) == 3


def test_who_never_asked_can_refuse_by_the_link(account: BillingAccount, alice: User) -> None:
    emails.ask(account, alice)
    refusing = emails.links(emails.to()[0].body)[-1]
    email_subscriptions.unsubscribe_by_link(token=refusing.split("/")[-2], as_of=NOON)
    assert states(account) == [S.ENDED]
    with pytest.raises(email_subscriptions.LinkEnded):
        confirm(alice, emails.token_to())


def test_a_refused_mailbox_bounces_it_and_the_customer_is_told(account: BillingAccount, alice: User) -> None:
    row = emails.subscribe(account, alice)
    fail(row, "HARD")
    fail(row, "HARD")
    assert states(account) == [S.BOUNCED]
    assert steps(row)[-1] == ("ACTIVE", "BOUNCED", "address takes no mail")
    told = Delivery.objects.filter(channel="SMS", message__code="email_bill_stopped")
    assert [(each.address, "w***@example.com" in each.body) for each in told] == [(alice.phone, True)]


def test_a_mistyped_address_bounces_quietly(account: BillingAccount, alice: User) -> None:
    fail(emails.ask(account, alice), "HARD")
    assert states(account) == [S.BOUNCED]
    assert not Delivery.objects.filter(channel="SMS").exists()


def test_a_complaint_is_an_unsubscription(account: BillingAccount, alice: User) -> None:
    row = emails.subscribe(account, alice)
    fail(row, "COMPLAINT")
    assert states(account) == [S.ENDED]
    assert steps(row)[-1] == ("ACTIVE", "ENDED", "called spam by its reader")


@pytest.mark.parametrize("failure", ["OTHER", "SOFT", ""])
def test_our_own_trouble_and_one_soft_bounce_mean_nothing(
    account: BillingAccount, alice: User, failure: str
) -> None:
    fail(emails.subscribe(account, alice), failure)
    assert states(account) == [S.ACTIVE]


def test_after_a_bounce_one_can_subscribe_again(account: BillingAccount, alice: User) -> None:
    fail(emails.subscribe(account, alice), "HARD")
    emails.subscribe(account, alice, as_of=NOON + HOUR)
    assert states(account) == [S.ENDED, S.ACTIVE]


def test_a_bounced_new_address_leaves_the_old_one_in_place(account: BillingAccount, alice: User) -> None:
    emails.subscribe(account, alice)
    fail(emails.ask(account, alice, address=OTHER, as_of=NOON + HOUR), "HARD")
    assert states(account) == [S.ACTIVE, S.BOUNCED]


def test_what_is_not_confirmed_in_time_ends(account: BillingAccount, alice: User) -> None:
    row = emails.ask(account, alice)
    assert email_subscriptions.lapse(actor=ACTOR, as_of=row.confirm_by - timedelta(seconds=1)) == 0
    assert email_subscriptions.lapse(actor=ACTOR, as_of=row.confirm_by) == 1
    assert email_subscriptions.lapse(actor=ACTOR, as_of=row.confirm_by) == 0
    assert steps(row)[-1] == ("PENDING", "ENDED", "not confirmed in time")
    assert states(account) == [S.ENDED]


def test_what_nobody_in_charge_stands_behind_ends(account: BillingAccount, alice: User, bob: User) -> None:
    row = emails.subscribe(account, alice)
    theirs = emails.subscribe(build.account(bob), bob, address=OTHER)
    Membership.objects.filter(user=alice).delete()
    assert email_subscriptions.lapse(actor=ACTOR, as_of=NOON) == 1
    assert steps(row)[-1] == ("ACTIVE", "ENDED", "no longer in charge of the account")
    theirs.refresh_from_db()
    assert theirs.state == S.ACTIVE


@pytest.mark.parametrize("state", [S.ACTIVE, S.PENDING])
def test_an_account_has_one_of_each_whoever_writes(
    account: BillingAccount, alice: User, state: EmailSubscriptionState
) -> None:
    row = emails.ask(account, alice)
    if state == S.ACTIVE:
        confirm(alice, emails.token_to())
    twin = EmailSubscription(
        reference="twin",
        account=account,
        user=alice,
        address=OTHER,
        language="zh-hans",
        consent="x",
        token_digest="x",
        created_at=NOON,
        confirm_by=row.confirm_by,
    )
    if state == S.PENDING:
        with pytest.raises(IntegrityError, match="one_pending"), transaction.atomic():
            twin.save(force_insert=True)
        return
    twin.save(force_insert=True)
    with pytest.raises(IntegrityError, match="one_active"), transaction.atomic():
        EmailSubscription.objects.filter(pk=twin.pk).update(state=S.ACTIVE, confirmed_at=NOON)


def test_active_without_a_confirmation_is_refused_by_the_database(
    account: BillingAccount, alice: User
) -> None:
    row = emails.ask(account, alice)
    with pytest.raises(IntegrityError, match="active_is_confirmed"), transaction.atomic():
        EmailSubscription.objects.filter(pk=row.pk).update(state=S.ACTIVE)


@pytest.mark.parametrize("source", list(S))
@pytest.mark.parametrize("target", list(S))
def test_each_pair_of_states(
    account: BillingAccount, alice: User, source: EmailSubscriptionState, target: EmailSubscriptionState
) -> None:
    """The services take the steps of the table; whatever else is asked changes nothing."""
    row = emails.ask(account, alice)
    if source == S.ACTIVE:
        confirm(alice, emails.token_to())
    elif source == S.BOUNCED:
        fail(row, "HARD")
    elif source == S.ENDED:
        email_subscriptions.unsubscribe(account_id=account.pk, actor=ACTOR, as_of=NOON)
    before = len(steps(row))
    if target == S.ACTIVE and source in (S.ENDED, S.BOUNCED):
        with pytest.raises(email_subscriptions.LinkEnded):
            confirm(alice, emails.token_to())
    elif target == S.ACTIVE:
        confirm(alice, emails.token_to())
    elif target == S.BOUNCED:
        fail(row, "HARD")
    elif target == S.ENDED:
        fail(row, "COMPLAINT")
    is_step = EMAIL_SUBSCRIPTION_MACHINE.allows(source, target)
    row.refresh_from_db()
    assert row.state == (target if is_step else source)
    assert len(steps(row)) == before + is_step
