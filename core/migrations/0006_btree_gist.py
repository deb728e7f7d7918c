"""Rows that hold for a time must not overlap: such constraints compare keys inside a GiST index."""

from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("core", "0005_people_data")]
    run_before = [("accounts", "0006_sold"), ("catalog", "0001_initial"), ("resources", "0001_initial")]
    operations = [BtreeGistExtension()]
