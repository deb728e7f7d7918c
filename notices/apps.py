from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import pgettext_lazy


class NoticesConfig(AppConfig):
    name = "notices"
    verbose_name = pgettext_lazy("plural", "通知")

    def ready(self) -> None:
        from notices import figures, queue, seeds  # noqa: F401  both show themselves at /metrics

        post_migrate.connect(seeds.install, sender=self, dispatch_uid="notices.seeds")
        autodiscover_modules("notice_kinds")  # what each room tells people, see notices.kinds
        autodiscover_modules("notice_triggers")  # what the hall tells of its own accord, see notices.triggers
