from django.db import migrations

from core import sequences


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]

    operations = [
        sequences.create("subscription_number"),
        sequences.create("family_number"),
        sequences.create("order_number"),
    ]
