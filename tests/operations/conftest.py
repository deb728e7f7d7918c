from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.core.cache import cache

from accounts.models import BillingAccount, Customer, Membership, Region, User
from core import clock
from operations import registry
from operations.context import Context
from operations.models import Channel
from tests.operations import toys


@pytest.fixture(autouse=True)
def toy_operations(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The toys are on offer during the test, in their first state afterwards."""
    before = {name: getattr(toys.Toy, name) for name in ("piece_cents", "left", "closed", "broken_in")}
    registry.register(toys.Toy)
    registry.register(toys.SealedToy)
    yield
    registry.unregister(toys.Toy.code)
    registry.unregister(toys.SealedToy.code)
    for name, value in before.items():
        setattr(toys.Toy, name, value)


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create(username="alice", phone="+8613900000001", name="爱丽丝")


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create(username="bob", phone="+8613900000002", name="鲍勃")


@pytest.fixture
def account(alice: User, as_of: datetime) -> BillingAccount:
    region = Region.objects.create(code="T01", name="东城", level=Region.Level.DISTRICT)
    customer = Customer.objects.create(number="C1", name="爱丽丝", region=region, created_at=as_of)
    found = BillingAccount.objects.create(
        number="8100000001", customer=customer, region=region, created_at=as_of
    )
    Membership.objects.create(user=alice, account=found, role=Membership.Role.OWNER, created_at=as_of)
    return found


@pytest.fixture
def ctx(alice: User, as_of: datetime) -> Context:
    return Context(user=alice, channel=Channel.WEB, as_of=as_of, address="192.0.2.7")


@pytest.fixture
def noon(as_of: datetime) -> Iterator[datetime]:
    """The edges' clock stands at noon too."""
    with clock.stopped(as_of):
        yield as_of


@pytest.fixture
def no_throttle(settings: Any) -> None:
    cache.clear()
