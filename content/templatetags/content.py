"""What the pages of content say: safe HTML, where an article is, whether a hall is open."""

from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.dateformat import format as dateformat
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from content import markdown, words
from content.models import Article, ArticleKind
from content.rules import Opening
from content.services.articles import address_of
from core import clock

register = template.Library()
ICONS = {"article": "news", "hall": "hall", "operation": "requests", "page": "arrow"}
KIND_ICONS = {
    ArticleKind.NEWS: "news",
    ArticleKind.NOTICE: "bell",
    ArticleKind.HELP: "help",
    ArticleKind.PROMO: "tag",
}


@register.filter
def as_html(text: str) -> SafeString:
    """Markdown as HTML that content.markdown has cleaned."""
    return mark_safe(markdown.html(text))  # cleaned by a list of what is allowed


@register.filter
def address(article: Article) -> str:
    return address_of(article)


@register.filter
def kind_icon(article: Article) -> str:
    return KIND_ICONS.get(ArticleKind(article.kind), "news")


@register.filter
def hit_icon(kind: str) -> str:
    return ICONS.get(kind, "search")


@register.filter
def hit_kind(kind: str) -> str:
    """What sort of thing was found."""
    names = {"article": _("文章"), "hall": _("营业厅"), "operation": _("业务"), "page": _("栏目")}
    return names.get(kind, _("页面"))


@register.filter
def marked(text: str, asked: str) -> SafeString:
    """The text with what was asked for in <mark>."""
    pieces = words.marked(text, asked)
    return format_html_join("", "{}", ((_mark(piece) if is_hit else piece,) for piece, is_hit in pieces))


def _mark(piece: str) -> SafeString:
    return format_html("<mark>{}</mark>", piece)


@register.filter
def distance(metres: int) -> str:
    """About how far: 850 m, 3.2 km, 128 km."""
    if metres < 1_000:
        return _("约 %(metres)s 米") % {"metres": max(100, round(metres, -2))}
    kilometres = round(metres / 1_000, 1 if metres < 10_000 else None)
    return _("约 %(kilometres)s 公里") % {"kilometres": kilometres}


@register.filter
def opening_badge(opening: Opening) -> str:
    if not opening.is_open:
        return "muted"
    return "warn" if opening.closes_soon else "ok"


@register.filter
def opening_label(opening: Opening) -> str:
    if not opening.is_open:
        return _("休息中")
    return _("即将关门") if opening.closes_soon else _("营业中")


@register.filter
def opening_text(opening: Opening) -> str:
    """Until when it is open, or when it opens next."""
    if opening.changes_at is None:
        return _("近期没有营业安排，请先致电")
    at = opening.changes_at
    hour = dateformat(at, "H:i")
    if opening.is_open:
        return _("营业至 %(hour)s") % {"hour": hour}
    return _("%(day)s %(hour)s 开门") % {"day": _day(at), "hour": hour}


def _day(at: datetime) -> str:
    today = timezone.localtime(clock.now(), clock.SHANGHAI).date()
    if at.date() == today:
        return _("今天")
    if at.date() == today + timedelta(days=1):
        return _("明天")
    return date_format(at.date(), "MONTH_DAY_FORMAT")
