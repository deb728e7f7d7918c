"""The adviser: what the charged months would have cost on every offer that could be ordered."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from accounts.models import BillingAccount, Membership
from catalog.charging.selectors import advice
from catalog.models import Offer
from core import clock
from tests.billing import build as money
from tests.catalog.charging import build
from tests.catalog.offers import build as offers
from tests.conftest import NOON

pytestmark = pytest.mark.django_db
MONTHS = ("2026-08", "2026-09", "2026-10")


def offer(code: str, cents: int, **more: Any) -> Offer:
    return offers.published(code, cents, type_code="net", group="net", change_effect="AT_ONCE", **more)


def charged(of: BillingAccount, months: tuple[str, ...] = MONTHS) -> BillingAccount:
    for month in months:
        build.run(month)
    return of


def test_the_cheapest_after_all_costs_is_named() -> None:
    of = build.account()
    dear, cheap = offer("net-500", 9900), offer("net-100", 5900)
    offer("net-900", 19_900)
    build.held(of, dear, date(2026, 8, 1))
    charged(of)
    (found,) = advice.of(of, as_of=NOON).advised
    assert found.advice is not None
    assert found.advice.present_cents == 3 * 9900
    assert [(each.offer, each.saving_cents) for each in found.advice.options] == [
        ("net-100", 3 * 4000),
        ("net-900", -3 * 10_000),
    ]
    assert found.best is not None
    assert found.best.offer == cheap.code
    assert not found.is_best


def test_it_is_honest_when_the_present_one_is_best() -> None:
    of = build.account()
    present = offer("net-100", 5900)
    offer("net-500", 9900)
    build.held(of, present, date(2026, 8, 1))
    charged(of)
    (found,) = advice.of(of, as_of=NOON).advised
    assert found.is_best


def test_a_penalty_that_eats_the_saving_leaves_the_present_one_best() -> None:
    of = build.account()
    bound = offer("net-500", 9900, term_months=24, penalty_kind="FIXED", penalty_cents=50_000)
    offer("net-100", 5900)
    build.held(of, bound, date(2026, 8, 1), committed_until=date(2028, 8, 1))
    charged(of)
    (found,) = advice.of(of, as_of=NOON).advised
    assert found.advice is not None
    assert found.advice.options[0].penalty_cents == 50_000
    assert found.is_best


def test_what_is_not_for_him_is_not_advised() -> None:
    of = build.account()
    build.held(of, offer("net-500", 9900), date(2026, 8, 1))
    offer("net-gold", 100, tiers=["GOLD"])
    charged(of)
    assert advice.of(of, as_of=NOON).advised == ()


def test_two_months_are_too_few() -> None:
    of = build.account()
    build.held(of, offer("net-500", 9900), date(2026, 9, 1))
    offer("net-100", 5900)
    charged(of, MONTHS[1:])
    found = advice.of(of, as_of=NOON)
    assert (found.is_enough, found.advised) == (False, ())


@pytest.mark.parametrize(("asked", "months"), [("3", 3), ("x", 4), ("", 4)])
def test_so_many_months_as_asked(client: Client, asked: str, months: int) -> None:
    owner = money.user()
    of = build.account()
    Membership.objects.create(user=owner, account=of, role=Membership.Role.OWNER, created_at=NOON)
    build.held(of, offer("net-500", 9900, name="宽带 500"), date(2026, 7, 1))
    offer("net-100", 5900, name="宽带 100")
    charged(of, ("2026-07", *MONTHS))
    client.force_login(owner)
    with clock.stopped(NOON):
        text = client.get("/services/advice/", {"months": asked}).content.decode()
    assert f"省 ¥{months * 40:,}.00" in text
    assert "宽带 100" in text


def test_the_page_says_that_nothing_is_better(client: Client) -> None:
    owner = money.user()
    of = build.account()
    Membership.objects.create(user=owner, account=of, role=Membership.Role.OWNER, created_at=NOON)
    build.held(of, offer("net-100", 5900), date(2026, 8, 1))
    offer("net-500", 9900)
    charged(of)
    client.force_login(owner)
    with clock.stopped(NOON):
        assert "您现在的套餐最划算" in client.get("/services/advice/").content.decode()
