from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class ContentConfig(AppConfig):
    name = "content"
    verbose_name = _("内容与营业厅")

    def ready(self) -> None:
        from content import sources

        sources.register()
        post_migrate.connect(sources.after_migrate, sender=self, dispatch_uid="content.search")
