"""Staff page of price exceptions: who pays another price, why, until when, and who agreed."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.offers.admin.forms import EndForm
from catalog.offers.prices import PriceException
from catalog.offers.services import price_exceptions
from core import clock
from core.actor import Actor
from core.backoffice import ReadOnlyAdmin, amount, moment
from core.reasoned import Reasoned


def _end(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    price_exceptions.end(exception_id=row_id, ends_on=data["ends_on"], as_of=as_of)
    return gettext("%(day)s 起恢复公示价格") % {"day": data["ends_on"].isoformat()}


@admin.register(PriceException)
class PriceExceptionAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = ("account", "offer", "charge", "shown_amount", "active_from", "active_to", "reason")
    list_select_related = ("account", "offer")
    list_filter = ("charge",)
    search_fields = ("account__number", "offer__code")
    search_help_text = _("户号或产品代码（完整）")
    ordering = ("-id",)
    fields = (
        "account", "offer", "charge", "shown_amount", "reason", "approval", "active_from", "active_to", "written",
    )  # fmt: skip
    shown_amount = amount("amount_cents", _("金额"))
    written = moment("created_at", _("写入时间"))
    reasoned = (
        Reasoned(
            name="end",
            title=_("提前结束"),
            explanation=_("从这一天起恢复公示价格。正在生效的须等今天给出的报价都过期，否则最早明天。"),
            permission=price_exceptions.ASK,
            applies=lambda row: row.active_to > clock.local_date(clock.now()),
            carry_out=_end,
            icon="event_busy",
            form_class=EndForm,
        ),
    )
