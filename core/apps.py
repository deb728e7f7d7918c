from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = _("基础")

    def ready(self) -> None:
        from core import checks, heartbeats, sessions  # noqa: F401  checks register themselves

        sessions.listen()
        heartbeats.expect(heartbeats.TICK, every=heartbeats.TICK_EVERY)
        autodiscover_modules("handlers")  # each app's outbox consumers
        autodiscover_modules("approvals")  # what takes two people
