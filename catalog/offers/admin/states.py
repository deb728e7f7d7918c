"""How staff see where an offer or a rule stands."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from catalog.offers.models import Offer
from catalog.offers.prices import PriceRule
from core import clock
from core.columns import TONES

Row = Offer | PriceRule


def is_draft(row: Row) -> bool:
    return row.published_at is None


def is_announced(row: Row) -> bool:
    return row.published_at is not None and row.published_at > clock.now()


def may_end(row: Row) -> bool:
    today = clock.local_date(clock.now())
    return row.published_at is not None and (row.active_to is None or row.active_to > today)


def _column(admin: Any, row: Row) -> tuple[str, Any]:
    as_of = clock.now()
    today = clock.local_date(as_of)
    if row.published_at is None:
        return "DRAFT", _("草稿")
    if row.published_at > as_of:
        return "ANNOUNCED", _("定时发布")
    if row.active_to is not None and row.active_to <= today:
        return "OVER", _("已结束")
    return ("LIVE", _("有效")) if row.active_from <= today else ("COMING", _("未开始"))


_TONES = {"DRAFT": "warn", "ANNOUNCED": "wait", "OVER": "bad", "LIVE": "ok", "COMING": "wait"}
column = display(description=_("状态"), label={state: TONES[tone] for state, tone in _TONES.items()})(_column)
