"""What is searched, and what was searched for in vain."""

from typing import Any, Self

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class SearchItemQuerySet(models.QuerySet["SearchItem"]):
    def shown(self, as_of: Any) -> Self:
        return self.filter(active_from__lte=as_of).filter(
            Q(active_until__isnull=True) | Q(active_until__gt=as_of)
        )


class SearchItem(models.Model):
    """Something public that the search finds. `words` are two-character pieces of Chinese and whole Latin words."""

    kind = models.CharField(_("种类"), max_length=20)  # "article" | "help" | "hall" | "operation" | "page" …
    key = models.CharField(_("关键字"), max_length=120)  # which one of its kind, e.g. an article's slug
    titles = models.JSONField(_("标题"))  # {language: text}
    summaries = models.JSONField(_("摘要"))  # {language: text}
    url = models.CharField(_("地址"), max_length=300)  # within the site
    boost = models.PositiveSmallIntegerField(_("权重（百分之）"), default=100)  # 100: as it is
    words = SearchVectorField(_("词"))
    active_from = models.DateTimeField(_("生效时间"))
    active_until = models.DateTimeField(_("失效时间"), null=True, blank=True)  # null: no end

    objects = SearchItemQuerySet.as_manager()

    class Meta:
        verbose_name = _("搜索条目")
        verbose_name_plural = pgettext_lazy("plural", "搜索条目")
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], name="search_item_once"),
            models.CheckConstraint(
                condition=Q(active_until__isnull=True) | Q(active_until__gt=F("active_from")),
                name="search_item_period",
            ),
        ]
        indexes = [GinIndex(fields=["words"], name="search_words")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class SearchMiss(models.Model):
    """How often nothing was found for a word on a day. Nobody's name is kept, nor what looks like personal data."""

    on = models.DateField(_("日期"))
    language = models.CharField(_("语言"), max_length=10)
    term = models.CharField(_("搜索词"), max_length=60)  # folded, see content.words
    times = models.PositiveIntegerField(_("次数"), default=1)

    class Meta:
        verbose_name = _("无结果搜索")
        verbose_name_plural = pgettext_lazy("plural", "无结果搜索")
        constraints = [models.UniqueConstraint(fields=["on", "language", "term"], name="search_miss_once")]

    def __str__(self) -> str:
        return f"{self.on:%Y-%m-%d} {self.term}"
