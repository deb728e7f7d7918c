from django.db import migrations

from core import sequences


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]
    operations = [
        sequences.create("bill_number"),
        sequences.create("payment_reference"),
        sequences.create("receipt_number"),
    ]
