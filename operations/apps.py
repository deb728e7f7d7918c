from importlib import import_module

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules, module_has_submodule


class OperationsConfig(AppConfig):
    name = "operations"
    verbose_name = "业务受理"

    def ready(self) -> None:
        if self.module and module_has_submodule(self.module, "account_bind"):
            import_module("operations.account_bind")  # accounts lies below this room and cannot register it
        autodiscover_modules("operations")  # each app's business operations register themselves
