from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class OperationsConfig(AppConfig):
    name = "operations"
    verbose_name = _("业务受理")

    def ready(self) -> None:
        from operations import people, search  # noqa: F401  people registers its operations

        search.register()
        autodiscover_modules("operations")  # each app's business operations register themselves
