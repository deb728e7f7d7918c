"""Rows bent by a later hand, as the application's own role: the law sees what the notice and its receipt were."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import Contact
from arrears.disconnect_rules import Missing
from arrears.models import ArrearsCase, CaseNotice
from arrears.services import assessing
from catalog.choices import SuspensionReason
from catalog.models import Suspension, Termination
from notices.models import Delivery, Message
from tests.arrears import build_cut
from tests.arrears.build import ACTOR, after, noon
from tests.arrears.build_cut import Scene
from tests.arrears.test_disconnecting import app_role, by_raw_sql, refused_by_law  # noqa: F401
from tests.core.test_roles import made_roles  # noqa: F401  # a fixture

pytestmark = pytest.mark.django_db


def as_app(role: str, sql: str, *values: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'SET LOCAL ROLE "{role}"')
        cursor.execute(sql, values)
        cursor.execute("RESET ROLE")


def test_a_notice_is_not_older_than_its_receipt(app_role: str) -> None:  # noqa: F811
    at = build_cut.warned()
    build_cut.another_contact(at)
    assessing.assess_one(at.account.pk, actor=ACTOR, as_of=noon(at.day))
    build_cut.deliver(at.day)
    build_cut.planned()
    as_app(
        app_role, "UPDATE notices_delivery SET delivered_at = delivered_at - interval '30 days' WHERE id > 0"
    )
    assert Missing.NOTICE_TOO_LATE in refused_by_law(by_raw_sql, at, app_role)


def test_a_changed_contact_is_known_by_its_ref(app_role: str) -> None:  # noqa: F811
    at = build_cut.ready()
    as_app(
        app_role,
        "UPDATE accounts_contact SET value = '+861399' || lpad(id::text, 7, '0') WHERE account_id = %s",
        at.account.pk,
    )
    as_app(app_role, "UPDATE arrears_casenotice SET contact_id = NULL")
    assert refused_by_law(by_raw_sql, at, app_role) == (Missing.NOT_DELIVERED,)


@pytest.mark.parametrize("code", ["verification_code", "disconnection_ahead"])
def test_something_else_or_to_somebody_else_is_no_notice(app_role: str, code: str) -> None:  # noqa: F811
    at = build_cut.ready()
    new = Contact.objects.create(
        account=at.account, kind="EMAIL", value="n@example.com", created_at=noon(at.day)
    )
    then = noon(at.day - timedelta(20))
    told = Message.objects.create(code=code, recipient_ref="account:1", dedupe_key="x", created_at=then)
    Delivery.objects.create(
        message=told, template=Delivery.objects.earliest("pk").template, channel="EMAIL",
        address=new.value, created_at=then, next_attempt_at=then,
    )  # fmt: skip
    build_cut.deliver(at.day - timedelta(20))
    real = CaseNotice.objects.filter(message__code="disconnection_ahead").latest("pk")
    CaseNotice.objects.create(
        case=real.case, rule=real.rule, stage=real.stage, contact_ref=f"contact:{new.pk}", contact=new,
        message=told, told_on=real.told_on, created_at=then,
    )  # fmt: skip
    assert refused_by_law(by_raw_sql, at, app_role) == (Missing.NOT_DELIVERED,)


def test_an_exemption_of_today_is_seen_from_yesterday(app_role: str) -> None:  # noqa: F811
    at = build_cut.ready()
    begins = at.day + timedelta(2)
    build_cut.exempt(Scene(at.account, at.row, begins))
    assert refused_by_law(by_raw_sql, at, app_role) == (Missing.EXEMPTION,)


def test_a_line_that_went_off_today_has_not_been_off_since_then(app_role: str) -> None:  # noqa: F811
    at = build_cut.ready()
    build_cut.resumed(at)
    sql = """INSERT INTO catalog_suspension (subscription_id, reason, begins_on, opened_at, opened_by, closed_by, note)
             VALUES (%s, 'ARREARS', %s, %s, 'x', '', '')"""
    as_app(app_role, sql, at.row.pk, after(31), noon(at.day))
    off = Suspension.objects.get(subscription=at.row, reason=SuspensionReason.ARREARS, ends_on=None)

    def again(scene: Scene, role: str) -> None:
        first, second = at.plan.approvals.order_by("pk").values_list("user_id", flat=True)[:2]
        as_app(
            role,
            """INSERT INTO arrears_warrant (subscription_id, suspension_id, case_id, plan_id, first_approver_id,
                                            second_approver_id, judged_on, owed_cents, actor, at)
               VALUES (%s, %s, %s, %s, %s, %s, %s, 1, 'x', %s)""",
            at.row.pk, off.pk, ArrearsCase.objects.get().pk, at.plan.pk, first, second, at.day, noon(at.day),
        )  # fmt: skip
        told = (
            Message.objects.filter(code="disconnection_ahead").exclude(dedupe_key__contains="inbox").first()
        )
        Termination.objects.create(
            subscription=at.row, reason="ARREARS", notice=told, suspension=off, actor="x", at=noon(at.day)
        )

    assert refused_by_law(again, at, app_role) == (Missing.TOO_EARLY,)
