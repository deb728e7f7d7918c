from django.db import migrations

from core import sequences


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_money")]
    operations = [
        sequences.create("dispute_number"),
        sequences.create("refund_number"),
    ]
