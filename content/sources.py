"""What this room itself has for the search, and when the search is put together anew."""

from typing import Any

from django.db import connections
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from content import search
from content.search import Entry
from content.services import articles, halls

_WANTED = "content_searchitem"


def register() -> None:
    search.source("article", articles.every_entry)
    search.source("hall", halls.every_entry)
    search.source("page", pages)


def pages() -> list[Entry]:
    """The pages of the front door that are no articles."""
    return [
        Entry(
            "page",
            "halls",
            pgettext_lazy("plural", "营业厅"),
            "/halls/",
            _("营业厅地址、营业时间、电话和服务项目"),
            boost=105,
        ),
        Entry("page", "news", _("新闻与公告"), "/news/", _("最新消息、停机维护公告和优惠活动"), boost=105),
        Entry(
            "page", "help", _("使用帮助"), "/help/", _("登录、绑定户号、缴费、发票和退款怎么办"), boost=105
        ),
        Entry(
            "page", "tariffs", _("资费公示"), "/tariffs/", _("资费标准、价格、收费和违约金规则"), boost=105
        ),
    ]


def after_migrate(*, using: str, apps: Any, **kwargs: Any) -> None:
    """Receiver of post_migrate: what this version of the hall says of itself is found at once."""
    if _WANTED in connections[using].introspection.table_names() and _is_whole(apps):
        search.rebuild()


def _is_whole(apps: Any) -> bool:
    """Not migrated back to before a table that the sources read."""
    try:
        return bool(apps.get_model("content", "SearchItem"))
    except LookupError:
        return False
