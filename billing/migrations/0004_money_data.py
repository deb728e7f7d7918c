from datetime import date

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from core import sequences


def add_penalty_policy(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """What the law allows (telecom regulation 2016 art. 34: 3 per mille a day); operators add newer rows."""
    apps.get_model("billing", "PenaltyPolicy").objects.get_or_create(
        region=None,
        active_from=date(2026, 1, 1),
        defaults={"daily_rate_ppm": 3000, "grace_days": 0, "cap_percent": 100},
    )


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_money")]
    operations = [
        sequences.create("adjustment_number"),
        sequences.create("cash_deposit_number"),
        sequences.create("dispute_number"),
        sequences.create("refund_number"),
        migrations.RunPython(add_penalty_policy, migrations.RunPython.noop),
    ]
