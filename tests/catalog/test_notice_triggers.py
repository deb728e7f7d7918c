"""Terms that end, told before they do: once for each, in words and, to who agreed, with an offer."""

from datetime import date, timedelta
from typing import Any

import pytest

from accounts.models import Contact, Purpose, User
from accounts.services import consents
from catalog.models import Offer, Subscription
from catalog.notice_triggers import term_ending
from core.actor import Actor
from notices.models import Message, Trigger
from notices.services import triggering
from notices.services.triggering import Counts, Job
from tests.billing import build as money
from tests.catalog.holdings import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 18)
IN_15 = TODAY + timedelta(days=15)


def held(**dates: Any) -> Subscription:
    row = build.held(
        money.account(money.user()), Offer.objects.filter(code="hd").first() or build.offer("hd")
    )
    Subscription.objects.filter(pk=row.pk).update(**dates)
    row.refresh_from_db()
    return row


def keys() -> list[str]:
    return [found.key for found in term_ending(-15, TODAY, NOON)]


def run(**options: Any) -> Counts:
    return list(triggering.run(Job(as_of=options.pop("as_of", NOON), **options)))[-1]


@pytest.mark.parametrize("column", ["committed_until", "paid_until"])
@pytest.mark.parametrize(("days", "is_found"), [(16, False), (15, True), (12, True), (11, False)])
def test_a_term_is_found_on_its_day_and_when_the_job_was_late(column: str, days: int, is_found: bool) -> None:
    day = TODAY + timedelta(days=days)
    row = held(**{column: day})
    assert keys() == ([f"{row.number}:{day.isoformat()}"] if is_found else [])


def test_two_ends_on_one_day_are_one_news() -> None:
    held(committed_until=IN_15, paid_until=IN_15)
    assert len(keys()) == 1


def test_what_ends_anyway_or_goes_on_by_itself_is_left_alone() -> None:
    held(committed_until=IN_15, ends_on=IN_15)
    renewed = held(committed_until=IN_15)
    type(renewed.offer).objects.filter(pk=renewed.offer_id).update(is_renewed=True)
    assert keys() == []


def test_it_is_told_once_with_the_day() -> None:
    held(committed_until=IN_15)
    assert run() == Counts(told=1)
    assert run(as_of=NOON + timedelta(days=1)) == Counts(known=1)
    message = Message.objects.get(code="term_ending")
    body = message.deliveries.get(channel="SMS").body
    assert "产品 hd 将于 2026年12月3日 到期" in body


def test_an_offer_goes_only_to_who_agreed_and_names_the_way_out() -> None:
    Trigger.objects.all().update(is_on=False)
    Trigger.objects.create(
        code="offers", title="x", source="catalog.term_ending", days=-15, template_code="term_offer",
        active_from=TODAY,
    )  # fmt: skip
    row = held(committed_until=IN_15)
    phone = Contact.objects.get(account=row.account, is_primary=True).value
    reader = User.objects.filter(phone=phone).first() or User.objects.get(
        pk=row.account.memberships.get().user_id
    )
    User.objects.filter(pk=reader.pk).update(phone=phone, phone_verified_at=NOON)
    assert run() == Counts(unconsented=1)
    how = consents.How(actor=Actor("test"), channel="WEB")
    given = consents.change(user_id=reader.pk, purpose=Purpose.MARKETING, is_given=True, how=how, as_of=NOON)
    assert run() == Counts(told=1)
    message = Message.objects.get(code="term_offer")
    assert message.consent == f"consent:{given.pk}"
    assert "退订：" in message.deliveries.get(channel="SMS").body
    assert "/me/consents/" in message.deliveries.get(channel="SMS").body


def test_a_consent_taken_back_ends_it() -> None:
    Trigger.objects.all().update(is_on=False)
    Trigger.objects.create(
        code="offers", title="x", source="catalog.term_ending", days=-15, template_code="term_offer",
        active_from=TODAY,
    )  # fmt: skip
    row = held(committed_until=IN_15)
    reader = row.account.memberships.get().user
    phone = Contact.objects.get(account=row.account, is_primary=True).value
    User.objects.filter(pk=reader.pk).update(phone=phone, phone_verified_at=NOON)
    how = consents.How(actor=Actor("test"), channel="WEB")
    for is_given in (True, False):
        consents.change(user_id=reader.pk, purpose=Purpose.MARKETING, is_given=is_given, how=how, as_of=NOON)
    assert run() == Counts(unconsented=1)
