from django.apps import AppConfig
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
        # The last app of all: the permissions that the roles consist of are there by then.
        post_migrate.connect(staff_roles.ensure, sender=self, dispatch_uid="hall.staff_roles")
