"""Staff pages of prices: every version there was and will be, and whom the next one meets."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.utils.functional import Promise
from django.utils.html import format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalog.offers import words
from catalog.offers.prices import Price
from catalog.offers.selectors import impact, versions
from catalog.offers.services import prices
from core import clock
from core.actor import Actor
from core.backoffice import EVERYWHERE, ReadOnlyAdmin, ReadOnlyInline, moment
from core.money import display
from core.reasoned import Reasoned


def amounts_of(price: Price) -> str:
    more = words.terminals(tuple(price.amounts_cents), price.after_last == "AGAIN")
    first = display(price.amounts_cents[0])
    return gettext("%(price)s（%(more)s）") % {"price": first, "more": more} if more else first


def _met(price: Price) -> list[impact.Met]:
    """Whom the price meets; the page asks for it several times, the row answers from the second on."""
    known: list[impact.Met] | None = price.__dict__.get("_met")
    if known is None:
        known = price.__dict__["_met"] = impact.of_price(price.offer_id, price.charge, versions.of_row(price))
    return known


def told(price: Price) -> str:
    """How many customers a price meets, in a sentence."""
    met = _met(price)
    people = sum(each.holders for each in met)
    if not people:
        return gettext("目前没有在用客户受影响")
    cents = sum(each.difference_cents for each in met)
    return gettext("影响 %(people)s 个在用订购，按目录价每期合计变化 %(amount)s") % {
        "people": people,
        "amount": display(cents),
    }


def _take_back(row_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    prices.take_back(price_id=row_id, as_of=as_of)
    return _("已撤回，原来的价格继续有效")


def _may_take_back(price: Price) -> bool:
    ahead = price.active_from > clock.local_date(clock.now())
    return price.withdrawn_at is None and (ahead or price.offer.published_at is None)


class OfferPriceInline(ReadOnlyInline):
    """The price book of one offer, oldest first."""

    model = Price
    verbose_name_plural = _("价格表")
    fields = (
        "charge",
        "place",
        "customer_kind",
        "amounts",
        "active_from",
        "active_to",
        "taken_back",
        "source",
    )
    readonly_fields = ("place", "amounts", "taken_back")
    ordering = ("charge", "region__code", "customer_kind", "active_from")
    show_change_link = True
    taken_back = moment("withdrawn_at", _("撤回时间"))

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).select_related("region")

    @admin.display(description=_("区域"))
    def place(self, price: Price) -> str:
        return str(price.region.name if price.region else _("全部地区"))

    @admin.display(description=_("金额"))
    def amounts(self, price: Price) -> str:
        return amounts_of(price)


@admin.register(Price)
class PriceAdmin(ReadOnlyAdmin):
    region_path = EVERYWHERE
    list_display = (
        "offer", "charge", "place", "customer_kind", "amounts", "active_from", "active_to", "taken_back",
    )  # fmt: skip
    list_select_related = ("offer__type", "region")
    list_filter = ("charge",)
    search_fields = ("offer__code",)
    search_help_text = _("产品代码（完整）")
    ordering = ("-active_from", "-id")
    fields = (
        "offer", "charge", "place", "customer_kind", "amounts", "active_from", "active_to", "source", "written",
        "taken_back", "meets",
    )  # fmt: skip
    taken_back = moment("withdrawn_at", _("撤回时间"))
    written = moment("created_at", _("写入时间"))
    reasoned = (
        Reasoned(
            name="take-back",
            title=_("撤回"),
            explanation=_("还没有生效的价格不再生效，原来的价格继续。"),
            permission="catalog.add_price",
            applies=_may_take_back,
            carry_out=_take_back,
            icon="undo",
        ),
    )

    @admin.display(description=_("区域"))
    def place(self, price: Price) -> str:
        return str(price.region.name if price.region else _("全部地区"))

    @admin.display(description=_("金额"))
    def amounts(self, price: Price) -> str:
        return amounts_of(price)

    @admin.display(description=_("影响"))
    def meets(self, price: Price) -> str:
        """Whom it meets on its first day, place by place."""
        met = _met(price)
        lines = [(told(price), "", "", "")] + [
            (each.region or gettext("未分配地区"), each.kind, each.holders, _turn(each)) for each in met
        ]
        return format_html_join("", '<div class="backoffice-change">{} {} {} {}</div>', lines)


def _turn(met: impact.Met) -> str:
    before = "—" if met.before_cents is None else display(met.before_cents)
    return f"{before} → {display(met.after_cents)}"
