from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("客户与账户")

    def ready(self) -> None:
        from accounts import posts, staff_door
        from core import scopes

        scopes.provide(posts.scope_of_any)
        scopes.provide_places(posts.places)
        staff_door.listen()
        autodiscover_modules(
            "personal_sections"
        )  # what each room holds on a user, see accounts.personal_data
