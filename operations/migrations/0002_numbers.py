from django.db import migrations

from core import sequences


class Migration(migrations.Migration):
    dependencies = [("operations", "0001_initial")]
    operations = [sequences.create("slip_number")]
