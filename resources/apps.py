from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ResourcesConfig(AppConfig):
    name = "resources"
    verbose_name = _("资源")

    def ready(self) -> None:
        from resources import account_obstacles, approvals, checks, queue  # noqa: F401  each says what it has at import
