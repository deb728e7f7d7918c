"""Staff pages of the search: what is in it, and what people look for in vain."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from content.models import SearchItem, SearchMiss
from core.backoffice import EVERYWHERE, ReadOnlyAdmin, moment


@admin.register(SearchItem)
class SearchItemAdmin(ReadOnlyAdmin):
    region_path = EVERYWHERE
    list_display = ("kind", "key", "url", "begins", "ends")
    search_fields = ("key",)
    search_help_text = _("关键字（完整）")
    ordering = ("kind", "key")
    fields = ("kind", "key", "titles", "summaries", "url", "boost", "begins", "ends")
    begins = moment("active_from", _("生效时间"))
    ends = moment("active_until", _("失效时间"))


@admin.register(SearchMiss)
class SearchMissAdmin(ReadOnlyAdmin):
    region_path = EVERYWHERE
    list_display = ("on", "term", "language", "times")
    search_fields = ("term",)
    search_help_text = _("搜索词（完整）")
    list_filter = ("language",)
    ordering = ("-on", "-times")
    fields = ("on", "term", "language", "times")
