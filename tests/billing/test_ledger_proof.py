"""The nightly proof is seen: by staff on their first page and by monitors, the first differences named."""

import pytest
from django.db import connection
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from billing.services.money import ledger_check
from core import clock, metrics
from core.models import Heartbeat
from tests.admin import build as staff
from tests.billing import build
from tests.conftest import NOON

pytestmark = pytest.mark.django_db


def figure(name: str) -> float:
    with clock.stopped(NOON):
        families = text_string_to_metric_families(metrics.exposition().decode())
        return next(s.value for family in families for s in family.samples if s.name == name)


def broken() -> None:
    payment = build.payment(build.account())
    build.apply(payment, build.report(payment))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE billing_accountbalance SET balance_cents = balance_cents + 1")


def test_books_that_agree_are_told_as_such() -> None:
    ledger_check.run(as_of=NOON)
    assert (figure("hall_ledgers_agree"), figure("hall_ledger_differences")) == (1, 0)


def test_the_last_result_names_the_first_differences() -> None:
    broken()
    found = ledger_check.run(as_of=NOON)
    assert (figure("hall_ledgers_agree"), figure("hall_ledger_differences")) == (0, len(found))
    detail = Heartbeat.objects.get(job="check_ledgers").detail
    assert detail["differences"] == len(found)
    assert detail["first"][0]["rule"] == found[0].rule


def test_staff_come_from_their_first_page_to_the_differences() -> None:
    broken()
    found = ledger_check.run(as_of=NOON)
    desk = Client()
    desk.force_login(staff.superuser())
    with clock.stopped(NOON):
        first = desk.get("/admin/").content.decode()
        page = "/admin/core/heartbeat/check_ledgers/change/"
        assert page.replace("_", "_5F") in first or page in first
        shown = desk.get(page)
    assert shown.status_code == 200
    assert found[0].subject in shown.content.decode()
