from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CatalogConfig(AppConfig):
    name = "catalog"
    verbose_name = _("产品与订购")

    def ready(self) -> None:
        from catalog import account_obstacles, holders  # noqa: F401  the former says what it has at import
        from catalog.charging import proofs
        from catalog.offers import search
        from catalog.offers.selectors import impact

        proofs.register()
        search.register()
        impact.provide(holders.by_place)
