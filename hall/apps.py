from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class HallConfig(AppConfig):
    name = "hall"
    verbose_name = _("营业厅")

    def ready(self) -> None:
        from hall import (
            checks,  # noqa: F401  they register themselves
            staff_roles,
        )
        from hall.upkeep import checks as more  # noqa: F401  these too
        from hall.upkeep import schedule

        schedule.expect_all()
        # Sent for one app after the other: with the last one all permissions that roles consist of are there.
        last = [each for each in apps.get_app_configs() if each.models_module is not None][-1]
        post_migrate.connect(staff_roles.ensure, sender=last, dispatch_uid="hall.staff_roles")
