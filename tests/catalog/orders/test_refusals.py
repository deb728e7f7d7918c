"""What is not ordered, with its reason; each time nothing was changed."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from accounts.models import BillingAccount, Membership, User
from accounts.services import accounts
from accounts.services.accounts import AccountClosed
from catalog.choices import Flow, SuspensionReason
from catalog.holdings.services import families, subscriptions, suspensions
from catalog.holdings.services.subscriptions import Wanted
from catalog.models import Family, FamilyInvitation, FamilyMember, Offer, Order, Subscription
from catalog.offers.services import publishing
from catalog.orders import errors
from core.errors import HallError
from operations.inputs import InvalidInput
from operations.models import Slip, SlipState
from operations.services import slips
from operations.services.evidence import CodeMissing
from operations.services.slips import QuoteChanged
from tests.billing import build as money
from tests.catalog.offers import build as shop
from tests.catalog.orders import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return money.user()


@pytest.fixture
def account(user: User) -> BillingAccount:
    return money.account(user)


def refused(error: type[HallError], call: Callable[[], Any]) -> HallError:
    """The refusal, after which orders, subscriptions and bills are what they were."""
    before = [list(rows.objects.order_by("pk").values()) for rows in (Order, Subscription)]
    with pytest.raises(error) as caught:
        call()
    assert before == [list(rows.objects.order_by("pk").values()) for rows in (Order, Subscription)]
    return caught.value


def raw(account: BillingAccount, *offers: Offer, **more: Any) -> dict[str, Any]:
    return {"account": account.number, "offers": [each.code for each in offers]} | more


def test_an_offer_withdrawn_after_the_quote(user: User, account: BillingAccount) -> None:
    hd = build.offer("hd", active_to=date(2026, 11, 19))
    digest = build.quoted(user, "package.order", raw(account, hd)).digest
    later = NOON + timedelta(days=1)
    error = refused(
        errors.NotOnSale,
        lambda: build.done(user, "package.order", raw(account, hd), as_of=later, digest=digest),
    )
    assert "产品 hd" in error.text
    slip = Slip.objects.get()
    assert (slip.state, slip.refusal_code) == (SlipState.REFUSED, "ORDER_NOT_ON_SALE")


def test_a_price_that_changed_after_the_quote(user: User, account: BillingAccount) -> None:
    hd = build.offer("hd", 3000)
    digest = build.quoted(user, "package.order", raw(account, hd)).digest
    rule = shop.rule("half", hd, value=50)
    publishing.publish_rule(rule_id=rule.pk, as_of=NOON)
    with pytest.raises(QuoteChanged) as caught:
        build.done(user, "package.order", raw(account, hd), digest=digest)
    assert not Order.objects.exists()
    build.done(user, "package.order", raw(account, hd), digest=caught.value.quoted.digest)
    assert Order.objects.count() == 1


def test_yesterdays_quote_is_shown_anew(user: User, account: BillingAccount) -> None:
    hd = build.offer("hd", 3000)
    digest = build.quoted(user, "package.order", raw(account, hd)).digest
    later = NOON + timedelta(days=1)
    refused(
        QuoteChanged,
        lambda: build.done(user, "package.order", raw(account, hd), as_of=later, digest=digest),
    )


def test_another_customers_account_is_no_choice(user: User, account: BillingAccount) -> None:
    _bob, others = build.home()
    hd = build.offer("hd")
    refused(InvalidInput, lambda: build.quoted(user, "package.order", raw(others, hd)))
    alien = Subscription.objects.create(
        number="U2026111800000000991", account=others, payer=others, offer=hd, created_at=NOON
    )
    data = {"subscription": alien.number}
    build.ordered(user, account, hd)
    refused(InvalidInput, lambda: build.quoted(user, "package.cancel", data))
    refused(InvalidInput, lambda: build.quoted(user, "package.change", data | {"offer": "hd"}))


@pytest.mark.parametrize("role", [Membership.Role.PAYER, Membership.Role.VIEWER])
def test_who_may_only_look_or_pay_may_not_order(account: BillingAccount, role: str) -> None:
    member = build.member(account, role)
    refused(InvalidInput, lambda: build.quoted(member, "package.order", raw(account, build.offer("hd"))))


def test_a_closed_account(user: User, account: BillingAccount) -> None:
    hd = build.offer("hd")
    digest = build.quoted(user, "package.order", raw(account, hd)).digest
    accounts.close_account(account_id=account.pk, as_of=NOON)
    refused(AccountClosed, lambda: build.done(user, "package.order", raw(account, hd), digest=digest))


def test_overdue_bills_come_first_but_never_hold_up_an_end(user: User, account: BillingAccount) -> None:
    hd, more = build.offer("hd"), build.offer("more")
    held = build.ordered(user, account, hd).lines.get().subscription
    assert held is not None
    money.bill(account, issued_on=date(2026, 10, 1))
    error = refused(errors.Overdue, lambda: build.quoted(user, "package.order", raw(account, more)))
    assert error.params["account"] == account.number
    change = {"subscription": held.number, "offer": "more"}
    refused(errors.Overdue, lambda: build.quoted(user, "package.change", change))
    build.cancelled(user, held)


def test_debtors_may_order_where_the_operator_says_so(
    user: User, account: BillingAccount, settings: Any
) -> None:
    settings.ORDER_WITH_OVERDUE_BILLS = True
    money.bill(account, issued_on=date(2026, 10, 1))
    build.ordered(user, account, build.offer("hd"))


@pytest.mark.parametrize("why", [SuspensionReason.CUSTOMER, SuspensionReason.STAFF])
def test_while_something_is_off(user: User, account: BillingAccount, why: SuspensionReason) -> None:
    hd, more = build.offer("hd"), build.offer("more")
    held = build.ordered(user, account, hd).lines.get().subscription
    assert held is not None
    suspensions.suspend(number=held.number, reason=why, actor=build.ACTOR, as_of=NOON)
    refused(errors.Suspended, lambda: build.quoted(user, "package.order", raw(account, more)))
    build.cancelled(user, held)


@pytest.mark.parametrize("flow", [Flow.DELIVERY, Flow.APPOINTMENT])
def test_what_needs_a_visit_is_not_ordered_here_yet(user: User, account: BillingAccount, flow: Flow) -> None:
    box = build.offer("box", type=shop.product_type(f"type-{flow}", flow=flow))
    error = refused(errors.NotOnline, lambda: build.quoted(user, "package.order", raw(account, box)))
    assert "营业厅" in error.text


def test_what_must_come_with_it_or_may_not(user: User, account: BillingAccount) -> None:
    base, extra, other = build.offer("base"), build.offer("extra"), build.offer("other")
    shop.related(extra, "MUST_BUY", base)
    shop.related(other, "EXCLUDES", base)
    error = refused(errors.MustBuy, lambda: build.quoted(user, "package.order", raw(account, extra)))
    assert "产品 base" in error.text
    refused(errors.Excludes, lambda: build.quoted(user, "package.order", raw(account, base, other)))
    build.ordered(user, account, extra, base)
    refused(errors.Excludes, lambda: build.quoted(user, "package.order", raw(account, other)))


def test_what_something_else_needs_cannot_go_alone(user: User, account: BillingAccount) -> None:
    base, extra = build.offer("base"), build.offer("extra")
    shop.related(extra, "NEEDS", base)
    refused(errors.Needs, lambda: build.quoted(user, "package.order", raw(account, extra)))
    build.ordered(user, account, base, extra)
    held = build.held(account, base)
    refused(errors.NeededBy, lambda: build.quoted(user, "package.cancel", {"subscription": held.number}))


def test_one_of_a_group_and_no_more_than_allowed(user: User, account: BillingAccount) -> None:
    one, two = build.offer("one", group="tv"), build.offer("two", group="tv")
    build.ordered(user, account, one)
    refused(errors.SameGroup, lambda: build.quoted(user, "package.order", raw(account, two)))
    refused(errors.TooMany, lambda: build.quoted(user, "package.order", raw(account, one)))


def test_what_waits_for_its_payment_counts_as_held(user: User, account: BillingAccount) -> None:
    one, two = build.offer("one", once=5000, group="tv"), build.offer("two", group="tv")
    build.ordered(user, account, one)
    refused(errors.TooMany, lambda: build.quoted(user, "package.order", raw(account, one)))
    refused(errors.SameGroup, lambda: build.quoted(user, "package.order", raw(account, two)))


def test_two_orders_for_one_thing(user: User, account: BillingAccount) -> None:
    small = build.offer("small", 1000)
    big = build.offer("big", 3000, cycle="TERM", term_months=12)
    held = build.ordered(user, account, small).lines.get().subscription
    assert held is not None
    waiting = build.changed(user, held, big)
    error = refused(
        errors.UnderWay, lambda: build.quoted(user, "package.cancel", {"subscription": held.number})
    )
    assert error.params["number"] == waiting.number


def test_for_others_only(user: User, account: BillingAccount) -> None:
    gold = build.offer("gold", tiers=["GOLD"])
    firm = build.offer("firm", customer_kinds=["ENTERPRISE"])
    refused(errors.NotForTier, lambda: build.quoted(user, "package.order", raw(account, gold)))
    refused(errors.NotForKind, lambda: build.quoted(user, "package.order", raw(account, firm)))
    shop.tier(account, "GOLD")
    build.ordered(user, account, gold)


def test_asked_for_a_second_time_the_end_does_not_come_twice(user: User, account: BillingAccount) -> None:
    held = build.ordered(user, account, build.offer("hd")).lines.get().subscription
    assert held is not None
    build.cancelled(user, held)
    refused(errors.AlreadyEnds, lambda: build.quoted(user, "package.cancel", {"subscription": held.number}))


def test_a_change_to_the_same_or_to_another_kind_of_thing(user: User, account: BillingAccount) -> None:
    hd = build.offer("hd")
    other = build.offer("vod", type=shop.product_type("vod"))
    held = build.ordered(user, account, hd).lines.get().subscription
    assert held is not None
    data = {"subscription": held.number}
    refused(errors.SameOffer, lambda: build.quoted(user, "package.change", data | {"offer": "hd"}))
    refused(errors.NotAChange, lambda: build.quoted(user, "package.change", data | {"offer": other.code}))


def family(head: BillingAccount, members: int, most: int = 2) -> Subscription:
    """A family offer that this many others belong to since the first of the month."""
    what = build.offer("family", 3000, family_limit=most, group="tv")
    row = subscriptions.begin(
        account_id=head.pk,
        wanted=Wanted(offer_id=what.pk, begins_on=date(2026, 10, 1)),
        actor=build.ACTOR,
        as_of=NOON - timedelta(days=48),
    )
    made = Family.objects.create(number="F1", payer=head, subscription=row, created_at=NOON)
    for account in (head, *(build.home()[1] for _ in range(members))):
        FamilyMember.objects.create(family=made, account=account, active_from=date(2026, 11, 1))
    return row


def test_a_family_does_not_turn_into_an_offer_for_fewer(user: User, account: BillingAccount) -> None:
    row = family(account, members=2)
    small = build.offer("small", 2000, family_limit=1, group="tv")
    none = build.offer("alone", 1000, group="tv")
    for other in (small, none):
        error = refused(errors.FamilyTooSmall, lambda to=other: build.changed(user, row, to))  # type: ignore[misc]
        assert (error.code, f"产品 {other.code}" in error.text) == ("ORDER_FAMILY_TOO_SMALL", True)
    assert FamilyMember.objects.filter(active_to=None).count() == 3
    leaving = FamilyMember.objects.exclude(account=account).order_by("-pk")[0]
    leaving.active_to = date(2026, 12, 1)
    leaving.save(update_fields=["active_to"])
    order = build.changed(user, row, small)  # from next month on, when one member is left
    assert order.lines.get().effective_on == date(2026, 12, 1)


def test_a_family_about_to_become_smaller_takes_nobody_in(user: User, account: BillingAccount) -> None:
    row = family(account, members=1)
    build.changed(user, row, build.offer("small", 2000, family_limit=1, group="tv"))
    how: dict[str, Any] = {"actor": build.ACTOR, "as_of": NOON}
    with pytest.raises(families.FamilyFull):
        families.invite(payer_id=account.pk, account_number=build.home()[1].number, **how)
    assert not FamilyInvitation.objects.exists()


def test_the_second_click_finds_the_first_order(user: User, account: BillingAccount) -> None:
    hd = build.offer("hd", most_per_account=5)
    digest = build.quoted(user, "package.order", raw(account, hd)).digest
    first = build.done(user, "package.order", raw(account, hd), digest=digest, key="one-click-1")
    again = build.done(user, "package.order", raw(account, hd), digest=digest, key="one-click-1")
    assert first.number == again.number
    assert Order.objects.count() == 1


def test_two_tabs_make_one_order(user: User, account: BillingAccount) -> None:
    hd = build.offer("hd")
    digest = build.quoted(user, "package.order", raw(account, hd)).digest
    build.done(user, "package.order", raw(account, hd), digest=digest)
    refused(errors.TooMany, lambda: build.done(user, "package.order", raw(account, hd), digest=digest))


def test_without_a_code_nothing_happens(user: User, account: BillingAccount) -> None:
    hd = build.offer("hd")
    found = build.quoted(user, "package.order", raw(account, hd))
    refused(
        CodeMissing,
        lambda: slips.submit(
            operation="package.order",
            ctx=build.ctx(user),
            raw=raw(account, hd),
            quote_digest=found.digest,
            confirmation={"agreed": "yes"},
            idempotency_key="no-code-1",
        ),
    )


def test_a_service_is_switched_on_and_off(user: User, account: BillingAccount) -> None:
    ring = build.offer("ring", 500, type=shop.product_type("value_added"), cancel_effect="AT_ONCE")
    data = {"account": account.number, "offer": ring.code}
    refused(errors.AlreadyOff, lambda: build.quoted(user, "vas.switch", data | {"switch": "off"}))
    build.done(user, "vas.switch", data | {"switch": "on"})
    refused(errors.AlreadyOn, lambda: build.quoted(user, "vas.switch", data | {"switch": "on"}))
    build.done(user, "vas.switch", data | {"switch": "off"})
    assert not Subscription.objects.held().exists()


def test_a_prepaid_term_of_elsewhere_is_given_back_by_staff(user: User, account: BillingAccount) -> None:
    year = build.offer("year", 36500, cycle="TERM", term_months=12, cancel_effect="AT_ONCE")
    today = date(2026, 11, 1)
    held = subscriptions.begin(
        account_id=account.pk,
        wanted=Wanted(offer_id=year.pk, begins_on=today, paid_until=date(2027, 11, 1)),
        actor=build.ACTOR,
        as_of=NOON,
    )
    refused(errors.RefundNeedsClerk, lambda: build.cancelled(user, held))


def test_a_change_that_waits_for_its_payment_counts_as_held(user: User, account: BillingAccount) -> None:
    small, year = build.offer("small", 1000), build.offer("year", 49800, cycle="TERM", term_months=12)
    never = build.offer("never", 500)
    shop.related(small, "UPGRADES_TO", year)
    shop.related(year, "EXCLUDES", never)
    build.ordered(user, account, small)
    assert build.changed(user, build.held(account, small), year).state == "ACCEPTED"
    refused(errors.Excludes, lambda: build.ordered(user, account, never))


def test_what_has_no_price_any_more_is_refused_by_name_and_can_be_ended(
    user: User, account: BillingAccount
) -> None:
    short = shop.draft("short", active_to=date(2026, 12, 1))
    shop.price(short, 3000)
    publishing.publish_offer(offer_id=short.pk, as_of=shop.LONG_AGO)
    short.prices.update(active_to=date(2026, 12, 1))  # as publishing once let it be
    held = subscriptions.begin(
        account_id=account.pk,
        wanted=Wanted(offer_id=short.pk, begins_on=date(2026, 11, 1)),
        actor=build.ACTOR,
        as_of=NOON,
    )
    error = refused(errors.NoPrice, lambda: build.ordered(user, account, build.offer("other", 1000)))
    assert "short" in error.text
    build.cancelled(user, held)
    held.refresh_from_db()
    assert held.ends_on == date(2026, 12, 1)


def prepaid(account: BillingAccount, **more: Any) -> Subscription:
    """Monthly television that is paid until February, elsewhere."""
    what = build.offer("ahead", 6000, cancel_effect="AT_ONCE", **more)
    return subscriptions.begin(
        account_id=account.pk,
        wanted=Wanted(offer_id=what.pk, begins_on=date(2026, 9, 1), paid_until=date(2027, 2, 1)),
        actor=build.ACTOR,
        as_of=NOON - timedelta(days=78),
    )


def test_months_paid_ahead_elsewhere_are_given_back_by_staff(user: User, account: BillingAccount) -> None:
    held = prepaid(account)
    asked = {"subscription": held.number}
    refused(errors.RefundNeedsClerk, lambda: build.quoted(user, "package.cancel", asked))


def test_the_rest_that_an_offer_keeps_is_told_before_agreeing(user: User, account: BillingAccount) -> None:
    held = prepaid(account, gives_back_rest=False)
    quote = build.quoted(user, "package.cancel", {"subscription": held.number}).quote
    assert "预付而未用的部分按资费约定不退还" in quote.warnings
    assert quote.price_cents == 0
    order = build.cancelled(user, held)
    held.refresh_from_db()
    assert (held.ends_on, order.bill) == (NOON.date(), None)
