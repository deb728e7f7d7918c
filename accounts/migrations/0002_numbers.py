from django.db import migrations

from core import sequences


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [sequences.create("customer_number")]
