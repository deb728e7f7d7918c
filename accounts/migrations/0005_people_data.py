from django.db import migrations
from django.utils import timezone

from core import sequences


def keep_what_staff_may(apps, schema_editor):
    """Permissions come from posts from now on: who held some until now holds them as a post of the whole operator."""
    User = apps.get_model("accounts", "User")
    Group = apps.get_model("auth", "Group")
    Post = apps.get_model("accounts", "Post")
    now = timezone.now()
    for user in User.objects.filter(is_staff=True, is_superuser=False).order_by("pk"):
        roles = list(user.groups.all())
        if own := list(user.user_permissions.all()):
            role = Group.objects.create(name=f"{user.username} {now:%Y-%m-%d}")
            role.permissions.set(own)
            roles.append(role)
        for role in roles:
            Post.objects.create(
                user=user,
                role=role,
                region=_operator(apps),
                active_from=timezone.localdate(now),
                created_at=now,
            )


def _operator(apps):
    """The region of the whole operator; made where an operator had none yet."""
    Region = apps.get_model("accounts", "Region")
    found = Region.objects.filter(level="GROUP", parent=None).order_by("pk").first()
    return found or Region.objects.create(code="GROUP", name="集团", level="GROUP")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_people"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [
        sequences.create("account_number"),  # of accounts that are opened here, not by an import
        migrations.RunPython(keep_what_staff_may, migrations.RunPython.noop),
    ]
