from django.db import migrations

from core import sequences


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_codes_and_claims")]
    operations = [sequences.create("customer_number")]
