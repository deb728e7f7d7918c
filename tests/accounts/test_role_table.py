"""accounts.rules.MAY decides, operation by operation and page by page, what each role may do on an account."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django import forms
from django.test import Client
from django.urls import reverse

from accounts import references, rules
from accounts.models import BillingAccount, Contact, Customer, Membership, User
from accounts.rules import Action
from accounts.selectors import accounts
from accounts.services import contacts, invitations, members
from billing.models import Bill, Dispute, EmailSubscription, RefundRequest
from catalog.models import Family, Offer, Order, OrderState, Subscription
from catalog.orders.services import moves
from operations import inputs, registry
from operations.context import Context
from operations.models import Channel, Slip, SlipState
from operations.people.fields import RowField
from tests.accounts import build
from tests.accounts.desk import Committed, Desk
from tests.arrears import build_restore
from tests.billing import build as money
from tests.billing import refunds_build
from tests.catalog.holdings import build as holdings
from tests.conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]
ROLES = [str(role) for role in Membership.Role]
OTHER, FRIEND = "+8613800000008", "+8613800000009"

# Every operation on an account that somebody is a member of: the one action of the table that allows it.
ASKED: Mapping[str, Action] = {
    "address.change": Action.CHANGE_CONTACTS,
    "balance.auto_debit": Action.MOVE_CREDIT,
    "balance.auto_debit_end": Action.MOVE_CREDIT,
    "balance.auto_use": Action.MOVE_CREDIT,
    "balance.refund": Action.ASK_REFUND,
    "balance.topup": Action.PAY,
    "bill.dispute": Action.DISPUTE,
    "bill.dispute.withdraw": Action.DISPUTE,
    "bill.email_subscribe": Action.MAIL_BILLS,
    "bill.email_unsubscribe": Action.MAIL_BILLS,
    "bill.pay": Action.PAY,
    "bill.promise": Action.PAY,
    "contact.change": Action.CHANGE_CONTACTS,
    "family.decline": Action.INVITE,
    "family.invite": Action.ORDER,
    "family.join": Action.INVITE,
    "family.leave": Action.INVITE,
    "family.remove": Action.ORDER,
    "family.withdraw": Action.ORDER,
    "member.invite": Action.INVITE,
    "member.remove": Action.INVITE,
    "member.role": Action.INVITE,
    "member.withdraw": Action.INVITE,
    "number.restore": Action.ORDER,
    "order.cancel": Action.ORDER,
    "package.cancel": Action.ORDER,
    "package.change": Action.ORDER,
    "package.order": Action.ORDER,
    "service.dispute_disconnection": Action.DISPUTE,
    "service.pause": Action.ORDER,
    "service.resume": Action.ORDER,
    "vas.switch": Action.ORDER,
}
# These ask no table, each for its own reason.
FREE = {
    "account.bind": "the right is proven by the contact phone",
    "account.close": "about the login",
    "bill.pay_other": "anybody may pay for anybody",
    "consent.change": "about the login",
    "counter.receive": "staff, by their posts",
    "data.export": "about the login",
    "member.accept": "the right is the proven phone",
    "member.decline": "the right is the proven phone",
    "member.leave": "everybody's own right",
    "number.hold": "a number is kept for whoever is logged in",
    "password.reset": "the right is the proven phone",
    "profile.change": "about the login",
}


@pytest.fixture
def account() -> BillingAccount:
    """A firm's: its accounts have every role. Something is owed, something disputed, mailed, invited to."""
    found = build.account("8100000001", contact=build.PHONE)
    Customer.objects.filter(pk=found.customer_id).update(kind=Customer.Kind.ENTERPRISE)
    contacts.prove(account_id=found.pk, kind=Contact.Kind.EMAIL, value="wang@example.com", as_of=NOON)
    money.bill(found)
    return found


@pytest.fixture
def member(account: BillingAccount) -> Callable[[str], User]:
    def in_role(role: str) -> User:
        user = build.user()
        build.bind(user, account, role)
        return user

    return in_role


def choices(field: forms.Field) -> list[str]:
    """What a form offers of somebody's own: public names. What the hall sells is offered to everybody."""
    if getattr(field, "queryset", None) is not None and field.queryset.model is Offer:  # type: ignore[attr-defined]
        return []
    if isinstance(field, forms.ModelChoiceField):
        rows = field.queryset
        return [str(getattr(row, field.to_field_name or "pk")) for row in rows] if rows is not None else []
    assert isinstance(field, RowField)
    return [str(key) for key, _label in field.choices]  # type: ignore[misc, union-attr]  # plain pairs


def things_of(account: BillingAccount, user: User) -> dict[str, str]:
    """By operation: something of the account that its form offers to who may do it."""
    owner = build.user(OTHER)
    build.bind(owner, account)
    payer = build.user(FRIEND)
    build.bind(payer, account, Membership.Role.PAYER)
    bill = Bill.objects.get(account=account)
    invitation = invitations.invite(
        account_id=account.pk,
        phone="+8613800000007",
        role="VIEWER",
        invited_by=owner,
        actor=build.ACTOR,
        as_of=NOON,
    )
    dispute = Dispute.objects.create(
        number="D1",
        bill=bill,
        cause="AMOUNT",
        text="多了",
        raised_by=user,
        created_at=NOON,
        promised_on=NOON.date(),
    )
    EmailSubscription.objects.create(
        reference="e1",
        account=account,
        user=owner,
        address="a@example.com",
        token_digest="x",
        created_at=NOON,
        confirm_by=NOON,
    )
    agreement = {"gateway": "bank_debit", "max_cents": 1, "created_at": NOON, "sign_by": NOON}
    account.debit_agreements.create(reference="a1", user=owner, **agreement)
    payers = references.of(Membership.objects.get(user=payer))
    named: dict[str, str] = dict.fromkeys(ASKED, account.number)
    return named | {
        "bill.dispute": bill.number,
        "bill.dispute.withdraw": dispute.number,
        "contact.change": references.of(Contact.objects.get(value="wang@example.com")),
        "member.remove": payers,
        "member.role": payers,
        "member.withdraw": invitation.reference,
        **_sold_to(account),
        **_cut_off(account, user),
    }


def _cut_off(account: BillingAccount, user: User) -> dict[str, str]:
    """A line that was cut for arrears, of another account on which he is what he is on the first."""
    cut = build_restore.cut()
    Customer.objects.filter(pk=cut.account.customer_id).update(kind=Customer.Kind.ENTERPRISE)
    for role in Membership.objects.filter(user=user, account=account).values_list("role", flat=True):
        build.bind(user, cut.account, role)
    return dict.fromkeys(("number.restore", "service.dispute_disconnection"), cut.line.number)


def _sold_to(account: BillingAccount) -> dict[str, str]:
    """It heads a family, with a member and somebody asked; it belongs to another, and a third one asks it."""
    shared = holdings.offer(family_limit=3)
    own, theirs, third = (_family(holdings.held(of, shared)) for of in (account, None, None))
    open_ = {"expires_at": NOON + timedelta(days=7), "created_at": NOON}
    member = own.members.create(account=money.account(), active_from=NOON.date())
    belongs = theirs.members.create(account=account, active_from=NOON.date())
    asks = own.invitations.create(reference="F1", account_number="8100000077", **open_)
    asked_by = third.invitations.create(
        reference="F2", account_number=account.number, account=account, **open_
    )
    held = own.subscription.number
    order = Order.objects.create(
        number="O1", account=account, slip_number="S1", channel=Channel.WEB, flow="DIRECT", promised_at=NOON,
        submitted_at=NOON, state_since=NOON,
    )  # fmt: skip
    moves.move(order, OrderState.ACCEPTED, actor=build.ACTOR, as_of=NOON)
    invited = dict.fromkeys(("family.join", "family.decline"), references.of(asked_by))
    return invited | {
        "family.leave": references.of(belongs),
        "family.remove": references.of(member),
        "family.withdraw": references.of(asks),
        "order.cancel": order.number,
        "package.cancel": held,
        "package.change": held,
        "service.pause": held,
        "service.resume": held,
    }


def _family(shared: Subscription) -> Family:
    return Family.objects.create(
        number=f"F{shared.pk}", payer=shared.account, subscription=shared, created_at=NOON
    )


def test_every_operation_is_in_one_of_the_two_lists() -> None:
    known = {each.code for each in registry.everything() if not each.code.startswith("tests.")}
    assert known == ASKED.keys() | FREE.keys()
    assert not ASKED.keys() & FREE.keys()


@pytest.mark.parametrize("role", ROLES)
def test_each_operation_offers_the_account_to_those_who_may(
    account: BillingAccount, member: Callable[[str], User], role: str
) -> None:
    user = member(role)
    ctx = Context(user=user, channel=Channel.WEB, as_of=NOON)
    things = things_of(account, user)
    for code, action in ASKED.items():
        form = inputs.make_form(registry.get(code), ctx)
        fields = (f for f in form.fields.values() if isinstance(f, forms.ModelChoiceField | RowField))
        offered = {choice for field in fields for choice in choices(field)}
        assert (things[code] in offered) == rules.may(role, action), (role, code)


def test_a_stranger_is_offered_nothing(account: BillingAccount) -> None:
    bob = build.user("+8613800000066")
    ctx = Context(user=bob, channel=Channel.WEB, as_of=NOON)
    things_of(account, build.user())
    for code in ASKED:
        form = inputs.make_form(registry.get(code), ctx)
        fields = (f for f in form.fields.values() if isinstance(f, forms.ModelChoiceField | RowField))
        assert [choice for field in fields for choice in choices(field)] == [], code


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("role", ROLES)
def test_the_selectors_ask_the_table(
    account: BillingAccount, member: Callable[[str], User], role: str, action: Action
) -> None:
    user = member(role)
    assert accounts.may(user, account.pk, action) == rules.may(role, action)
    assert list(accounts.where(user, action)) == ([account] if rules.may(role, action) else [])


def raws(account: BillingAccount) -> dict[str, dict[str, Any]]:
    """What somebody posts who knows the numbers and has no right to them."""
    bill, contact = Bill.objects.get(account=account), Contact.objects.get(value="wang@example.com")
    number = account.number
    return {
        "address.change": {"account": number, "post_address": "别处"},
        "balance.auto_use": {"account": number, "automatic": "off"},
        "balance.refund": {"account": number, "amount": "1.00"},
        "balance.topup": {"account": number, "amount": "1.00", "gateway": "alipay"},
        "bill.dispute": {"bill": bill.number, "cause": "AMOUNT", "text": "太多了"},
        "bill.email_subscribe": {"account": number, "address": "x@example.com", "consent": "on"},
        "bill.pay": {"account": number, "amount": "1.00", "gateway": "alipay"},
        "contact.change": {"change": "remove", "contact": references.of(contact)},
        "member.invite": {"account": number, "phone": FRIEND, "role": "VIEWER"},
    }


@pytest.mark.parametrize("role", ["VIEWER", "PAYER", "HANDLER", ""])
def test_who_may_not_is_refused_and_nothing_changes(
    account: BillingAccount,
    member: Callable[[str], User],
    role: str,
    django_capture_on_commit_callbacks: Committed,
) -> None:
    """ "" is Bob, who is no member at all."""
    user = member(role) if role else build.user("+8613800000066")
    desk, before = Desk(user, django_capture_on_commit_callbacks), state(account)
    for code, raw in raws(account).items():
        if role and rules.may(role, ASKED[code]):
            continue
        assert desk.refusal(code, **raw) in ("INVALID_INPUT", "FORBIDDEN"), (role, code)
    assert state(account) == before
    assert not Slip.objects.filter(state=SlipState.DONE).exists()


def state(account: BillingAccount) -> list[Any]:
    account.refresh_from_db()
    return [
        account.post_address,
        *(
            list(rows.order_by("pk").values())
            for rows in (account.contacts, account.memberships, account.bills)
        ),
        Dispute.objects.count(),
        RefundRequest.objects.count(),
        account.payments.count(),
        account.invitations.count(),
    ]


@pytest.mark.parametrize("role", ["VIEWER", "PAYER"])
def test_the_page_shows_what_the_role_may_see(
    account: BillingAccount, member: Callable[[str], User], client: Client, role: str
) -> None:
    client.force_login(member(role))
    text = client.get(reverse("accounts:account", args=[account.number])).content.decode()
    assert "w***@example.com" not in text
    assert "member.invite" not in text
    assert ("缴费和预存" in text) == (role == "PAYER")


def test_a_handler_does_not_make_himself_the_owner(
    account: BillingAccount, member: Callable[[str], User], django_capture_on_commit_callbacks: Committed
) -> None:
    """By his own phone as the account's contact he would be: so he chooses no contacts."""
    contact = account.contacts.get(kind=Contact.Kind.PHONE)
    Contact.objects.filter(pk=contact.pk).update(value=OTHER)
    desk = Desk(member("HANDLER"), django_capture_on_commit_callbacks)
    raw = {"change": "add", "account": account.number, "value": build.PHONE}
    assert desk.refusal("contact.change", **raw) == "FORBIDDEN"
    assert not account.contacts.filter(value=build.PHONE).exists()


def test_a_handler_sees_contacts_and_members_but_invites_nobody(
    account: BillingAccount, member: Callable[[str], User], client: Client
) -> None:
    client.force_login(member("HANDLER"))
    text = client.get(reverse("accounts:account", args=[account.number])).content.decode()
    assert "w***@example.com" in text
    assert "member.invite" not in text


def test_a_viewer_is_led_to_pay_as_anybody_may(
    account: BillingAccount, member: Callable[[str], User], client: Client
) -> None:
    client.force_login(member("VIEWER"))
    bill = Bill.objects.get(account=account)
    for query in ({"account": account.number}, {"bill": bill.number}):
        answer: Any = client.get("/pay/", query)
        assert answer["Location"] == f"/pay/other/?account_number={account.number}"
    assert client.get(answer["Location"]).status_code == 200
    client.force_login(build.user("+8613800000066"))
    assert client.get("/pay/", {"account": account.number}).status_code == 404


def test_bob_finds_no_account_of_alice(account: BillingAccount, client: Client) -> None:
    client.force_login(build.user("+8613800000066"))
    for path in ("accounts:account",):
        assert client.get(reverse(path, args=[account.number])).status_code == 404


def test_who_asked_for_a_refund_and_is_an_owner_no_more_takes_it_back_no_more(
    account: BillingAccount, member: Callable[[str], User], client: Client
) -> None:
    owner = member("OWNER")
    receipt = refunds_build.credit(30_000, of=account)
    asked = refunds_build.asked(receipt, 25_000, user=owner)
    Membership.objects.filter(user=owner).update(role="VIEWER")
    client.force_login(owner)
    assert client.post(reverse("billing:refund_cancel", args=[asked.number])).status_code == 403
    asked.refresh_from_db()
    assert asked.state == "REQUESTED"


@pytest.mark.parametrize("kind", Customer.Kind.values)
def test_only_firms_have_handlers(kind: str) -> None:
    account = build.account()
    account.customer.kind = kind
    assert set(rules.ROLES_OF_KIND[kind]) <= set(Membership.Role)
    if kind == Customer.Kind.ENTERPRISE:
        members.check_role(account, "HANDLER")
    else:
        with pytest.raises(members.RoleNotOffered):
            members.check_role(account, "HANDLER")
