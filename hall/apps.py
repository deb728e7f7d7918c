from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HallConfig(AppConfig):
    name = "hall"
    verbose_name = _("营业厅")

    def ready(self) -> None:
        from hall import checks  # noqa: F401  they register themselves
        from hall.upkeep import checks as more  # noqa: F401  these too
        from hall.upkeep import schedule

        schedule.expect_all()
