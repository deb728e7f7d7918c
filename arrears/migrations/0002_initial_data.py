from datetime import UTC, date, datetime

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from core import sequences

# stage, days, days in the stage before at least. Who is found late gets the same time to pay after each notice.
STAGES = (
    ("REMINDED", -3, 1),
    ("OVERDUE", 1, 1),
    ("SUSPEND_WARNED", 23, 1),
    ("SUSPENDED", 31, 8),
    ("DISCONNECT_WARNED", 50, 1),
    ("DISCONNECTED", 61, 11),
)
# stage, days, text, what waits for it, its proof, days between
NOTICES = (
    ("REMINDED", -3, "bill_due_soon", "", "DELIVERED", 1),
    ("OVERDUE", 1, "bill_overdue", "", "DELIVERED", 1),
    ("SUSPEND_WARNED", 23, "suspension_ahead", "SUSPENDED", "SENT", 7),
    ("SUSPEND_WARNED", 30, "suspension_tomorrow", "", "DELIVERED", 1),
    ("SUSPENDED", 31, "suspended", "", "DELIVERED", 1),
    ("DISCONNECT_WARNED", 50, "disconnection_ahead", "DISCONNECTED", "DELIVERED", 7),
    ("DISCONNECT_WARNED", 60, "disconnection_tomorrow", "", "DELIVERED", 1),
    ("DISCONNECTED", 91, "debt_remains", "", "DELIVERED", 1),
    ("DISCONNECTED", 121, "debt_remains", "", "DELIVERED", 1),
    ("DISCONNECTED", 181, "debt_remains", "", "DELIVERED", 1),
)


def add_policy(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """What the law allows (telecom regulation 2016 art. 34), with a notice before each step; everywhere, for all."""
    policy, is_new = apps.get_model("arrears", "Policy").objects.get_or_create(
        code="default",
        defaults={
            "title": "通用欠费策略",
            "active_from": date(2000, 1, 1),
            "minimum_cents": 1,
            "promise_days": 7,
            "promises_a_month": 1,
            "created_at": datetime(2000, 1, 1, tzinfo=UTC),
            "created_by": "migration",
        },
    )
    if not is_new:
        return
    for stage, days, stay in STAGES:
        apps.get_model("arrears", "PolicyStage").objects.create(
            policy=policy, stage=stage, days=days, minimum_stay_days=stay
        )
    for stage, days, code, needed_for, proof, before in NOTICES:
        apps.get_model("arrears", "PolicyNotice").objects.create(
            policy=policy,
            stage=stage,
            days=days,
            template_code=code,
            needed_for=needed_for,
            needed_proof=proof,
            needed_days=before,
        )


class Migration(migrations.Migration):
    dependencies = [("arrears", "0001_initial")]
    operations = [
        sequences.create("arrears_case_number"),
        sequences.create("arrears_promise_number"),
        sequences.create("disconnect_plan_number"),
        sequences.create("arrears_escalation_number"),
        migrations.RunPython(add_policy, migrations.RunPython.noop),
    ]
