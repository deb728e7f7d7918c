"""Orders and the daily pass of arrears lock the same accounts in the same order: neither waits for ever."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from catalog.orders import locks
from tests.billing import build as money

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("pays_the_newer", [True, False])
def test_accounts_are_locked_by_their_ids(pays_the_newer: bool) -> None:
    older, newer = money.account(), money.account()
    payer, account = (newer, older) if pays_the_newer else (older, newer)
    with transaction.atomic(), CaptureQueriesContext(connection) as seen:
        assert locks.accounts(payer.pk, account.pk) == account
    asked = [each["sql"] for each in seen.captured_queries if "FOR UPDATE" in each["sql"]]
    assert str(older.pk) in asked[0]
    assert str(newer.pk) in asked[1]
