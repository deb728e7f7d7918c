"""Which slip ends which line: one that asks for just that, confirmed by its own code, which went to the customer."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import Contact, VerificationCode
from arrears.disconnect_rules import Unproven
from catalog.holdings.services import subscriptions
from catalog.models import Subscription, Termination
from core.db import violated
from operations.models import Slip
from tests.arrears.test_ends import HOW, WAYS, app_role, evidence_of, refused  # noqa: F401
from tests.billing import build as money
from tests.catalog.holdings import build
from tests.conftest import NOON
from tests.core.test_roles import made_roles  # noqa: F401  # a fixture
from tests.operations.confirming import code

pytestmark = pytest.mark.django_db
PHONE = "+8613700000001"


@pytest.fixture
def row() -> Subscription:
    found = build.held()
    Contact.objects.create(account=found.account, kind="PHONE", value=PHONE, created_at=NOON)
    return found


def switched_off(row: Subscription) -> dict[str, Any]:
    return {"switch": "off", "account": row.account.number, "offer": row.offer.code}


OTHERS: list[tuple[str, Callable[[Subscription], dict[str, Any]]]] = [
    ("service.pause", lambda row: {"subscription": row.number}),
    ("package.change", lambda row: {"subscription": row.number, "offer": row.offer.code}),
    ("package.order", lambda row: {"account": row.account.number, "offers": [row.offer.code]}),
    ("package.cancel", lambda row: {}),
    ("package.cancel", lambda row: {"subscription": build.held(row.account).number}),
    ("vas.switch", lambda row: switched_off(row) | {"switch": "on"}),
    ("vas.switch", lambda row: switched_off(row) | {"offer": "another"}),
    ("vas.switch", lambda row: switched_off(row) | {"account": "8100000000"}),
]


@pytest.mark.parametrize(("operation", "data"), OTHERS)
def test_a_slip_of_something_else_ends_no_line(
    row: Subscription,
    app_role: str,  # noqa: F811
    operation: str,
    data: Any,
) -> None:
    slip = build.slip(row.account, operation=operation, data=data(row))
    refused(evidence_of("CUSTOMER", row, slip_id=slip.pk), app_role, Unproven.NOT_THIS_LINE)
    with pytest.raises(IntegrityError), transaction.atomic():
        subscriptions.set_end(number=row.number, on=build.TODAY, slip_id=slip.pk, **HOW)


@pytest.mark.parametrize("way", WAYS)
def test_one_slip_ends_one_line(row: Subscription, app_role: str, way: Any) -> None:  # noqa: F811
    second = build.held(row.account, row.offer)
    for slip in (
        build.slip(row.account, line=row),
        build.slip(row.account, operation="vas.switch", data=switched_off(row)),
    ):
        with transaction.atomic():
            way(evidence_of("CUSTOMER", row, slip_id=slip.pk), app_role)
            with connection.cursor() as cursor:
                cursor.execute("RESET ROLE")
            with pytest.raises(IntegrityError) as seen, transaction.atomic():
                way(evidence_of("CUSTOMER", second, slip_id=slip.pk), app_role)
            assert "missing: NOT_THIS_LINE" in str(seen.value)
            assert Termination.objects.get().subscription_id == row.pk
            transaction.set_rollback(True)


def test_what_was_ordered_for_one_term_ends_by_its_order(app_role: str) -> None:  # noqa: F811
    row = build.held(what=build.offer(cycle="TERM", term_months=1, is_renewed=False))
    data = {"account": row.account.number, "offers": [row.offer.code]}
    slip = build.slip(row.account, operation="package.order", data=data)
    values = evidence_of("CUSTOMER", row, slip_id=slip.pk)
    refused(values, app_role, Unproven.NOT_THIS_LINE)
    Subscription.objects.filter(pk=row.pk).update(end_slip=slip, ends_on=date(2026, 11, 19))
    refused(values, app_role, Unproven.NOT_THIS_LINE)
    Subscription.objects.filter(pk=row.pk).update(ends_on=build.TODAY)
    Termination.objects.create(**values)


def by_orm(slip: Slip, changes: dict[str, Any], role: str) -> None:
    Slip.objects.filter(pk=slip.pk).update(**changes)


def as_app(slip: Slip, changes: dict[str, Any], role: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'SET LOCAL ROLE "{role}"')
    Slip.objects.filter(pk=slip.pk).update(**changes)


def not_confirmed(slip: Slip, role: str, law: str, **changes: Any) -> None:
    for way in (by_orm, as_app):
        with pytest.raises(IntegrityError) as seen, transaction.atomic():
            way(slip, changes, role)
        assert violated(seen.value) == law


def quoted(row: Subscription, **more: Any) -> Slip:
    slip = build.slip(row.account, is_confirmed=False, actor=money.user(), **more)
    Slip.objects.filter(pk=slip.pk).update(state="QUOTED")
    return slip


def confirming(row: VerificationCode | None, code_id: object = None) -> dict[str, Any]:
    return {
        "state": "CONFIRMED",
        "confirmed_at": NOON,
        "confirmation": {"kind": "SMS_CODE", "code_id": row.pk if row else code_id},
    }


def test_it_is_confirmed_by_a_code_of_its_own_that_was_given(row: Subscription, app_role: str) -> None:  # noqa: F811
    slip, law = quoted(row), "slip_confirmed_for_good"
    mine = slip.actor_id or 0
    for nothing in (None, 0, "no such code", 10**17):
        not_confirmed(slip, app_role, law, **confirming(None, nothing))
    for wrong in (
        code("package.cancel", mine, PHONE, at=NOON, is_used=False),
        code("service.pause", mine, PHONE, at=NOON),
        code("package.cancel", mine + 1, PHONE, at=NOON),
    ):
        not_confirmed(slip, app_role, law, **confirming(wrong))
    right = code("package.cancel", mine, PHONE, at=NOON)
    by_orm(slip, confirming(right), app_role)
    again = quoted(row)
    Slip.objects.filter(pk=again.pk).update(actor=mine)
    not_confirmed(again, app_role, law, **confirming(right))


def test_an_end_is_confirmed_by_a_code_that_went_to_its_customer(row: Subscription, app_role: str) -> None:  # noqa: F811
    slip = quoted(row)
    elsewhere = code("package.cancel", slip.actor_id or 0, "+8613700000099", at=NOON)
    not_confirmed(slip, app_role, "slip_end_confirmed_by_holder", **confirming(elsewhere))


def test_what_was_confirmed_stays(row: Subscription, app_role: str) -> None:  # noqa: F811
    slip = build.slip(row.account)
    for changes in (
        {"data": {"subscription": "another"}},
        {"confirmation": {"kind": "CLICK"}},
        {"customer": None},
        {"quote_digest": "x"},
        {"actor": None},
    ):
        not_confirmed(slip, app_role, "slip_confirmed_for_good", **changes)
    VerificationCode.objects.all().delete()  # as the purge does, weeks later
    refused(
        evidence_of("CUSTOMER", build.held(row.account), slip_id=slip.pk), app_role, Unproven.NOT_THIS_LINE
    )
    Termination.objects.create(**evidence_of("CUSTOMER", row, slip_id=slip.pk))
