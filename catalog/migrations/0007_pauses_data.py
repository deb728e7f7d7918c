from datetime import date

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def add_policy(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Everywhere, for all: a month to a year, twice a year. Another region or kind gets a row of its own."""
    policies = apps.get_model("catalog", "PausePolicy").objects
    if not policies.exists():
        policies.create(least_days=30, most_days=365, times_a_year=2, active_from=date(2000, 1, 1))


class Migration(migrations.Migration):
    dependencies = [("catalog", "0006_pauses")]

    operations = [migrations.RunPython(add_policy, migrations.RunPython.noop)]
