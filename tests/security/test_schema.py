"""The interface keeps to its own description, whatever is sent: Schemathesis, all its checks, over WSGI.

The same cases in every run. Business refusals (422: nothing to pay, no such account of yours) are answers to data that
fit the description: what an operation wants is said by /api/operations/, not by the schema.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck
from hypothesis import settings as run_with
from schemathesis.config import SchemathesisConfig

from hall.wsgi import application
from tests.api.build import token_of
from tests.billing import build
from tests.billing.emails import ask as subscribe

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("alipay_keys")]
EXAMPLES = 10
SECONDS = 90
_ACCEPTED = ["2xx", "401", "403", "404", "409", "422", "429"]


@pytest.fixture
def token(settings: Any) -> str:
    """Of a customer who has one of everything."""
    settings.RATE_LIMITS = {}
    alice = build.user()
    account = build.account(alice)
    build.bill(account)
    paid = build.payment(account, 1000)
    build.apply(paid, build.report(paid))
    subscribe(account, alice)
    return token_of(alice)


def described() -> Any:
    config = SchemathesisConfig.from_dict(
        {"checks": {"positive_data_acceptance": {"expected-statuses": _ACCEPTED}}, "seed": 20261118}
    )
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    found = schemathesis.openapi.from_dict(json.loads(json.dumps(schema, default=str)), config=config)
    found.app = application
    return found


@pytest.fixture(autouse=True, scope="module")
def within_the_time() -> Iterator[None]:
    """Of this process: a busy machine must not fail it."""
    started = time.process_time()
    yield
    assert time.process_time() - started < SECONDS


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """Requests leave the test's transaction alone, as with Django's own client."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


interface = described()


@interface.parametrize()  # type: ignore[untyped-decorator]  # Schemathesis has types, its decorator has none
@run_with(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_described(case: Any, token: str) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {token}"})
