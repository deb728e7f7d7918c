"""Roles know what releases gave them. Of the roles that exist, everything that exists counts as given."""

from typing import Any

from django.db import migrations, models


def all_that_exists(apps: Any, schema_editor: Any) -> None:
    """An operator may have taken some of it out: that stays out. What newer rooms bring is given after the migrate."""
    permissions = apps.get_model("auth", "Permission").objects.select_related("content_type")
    names = sorted(f"{each.content_type.app_label}.{each.codename}" for each in permissions)
    apps.get_model("accounts", "RoleRule").objects.update(offered=names)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_sold"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.AddField(
            model_name="rolerule",
            name="offered",
            field=models.JSONField(blank=True, default=list, editable=False, verbose_name="随版本给过的权限"),
        ),
        migrations.RunPython(all_that_exists, migrations.RunPython.noop, elidable=True),
    ]
