"""A clerk at his post, the customer whom he serves, and the session in which he does."""

import pytest

from accounts.models import BillingAccount, Region, User
from billing.models import Bill
from core import pokes
from operations.context import Context
from operations.serving.models import ServingSession
from tests.billing import build
from tests.operations.serving import clerks
from tests.operations.serving.acts import context


@pytest.fixture
def empty_vault() -> None:
    """Texts of the last test would seem to be this one's."""
    for key in pokes.broker().scan_iter("notices:secret:*"):
        pokes.broker().delete(key)


@pytest.fixture
def here() -> Region:
    return clerks.region("A", clerks.region("G", level=Region.Level.GROUP))


@pytest.fixture
def clerk(here: Region) -> User:
    return clerks.clerk(here)


@pytest.fixture
def alice(here: Region) -> User:
    found, _account = clerks.customer(here)
    assert found is not None
    return found


@pytest.fixture
def account(alice: User) -> BillingAccount:
    return BillingAccount.objects.for_user(alice).get()


@pytest.fixture
def bill(account: BillingAccount) -> Bill:
    return build.bill(account)


@pytest.fixture
def session(clerk: User, account: BillingAccount, alice: User) -> ServingSession:
    return clerks.serve(clerk, account, alice)


@pytest.fixture
def ctx(session: ServingSession) -> Context:
    return context(session)
