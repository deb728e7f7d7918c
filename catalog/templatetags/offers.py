"""Offers in templates: their texts in the reader's language, and their terms in sentences."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django import template
from django.utils.translation import gettext as _

from accounts.models import Customer
from catalog.choices import AfterLast, Charge
from catalog.offers import lines, words
from catalog.offers.lines import Beside, Names
from catalog.offers.models import Offer, ProductSpecification
from catalog.offers.prices import Price, PriceRule
from catalog.offers.selectors.shelf import Priced
from catalog.pricing.types import Line
from core.money import display

register = template.Library()
register.filter("offer_unit", words.unit)
register.filter("offer_term", words.term)
register.filter("offer_penalty", words.penalty)
register.filter("offer_begins", words.begins)
register.filter("offer_ends", words.ends)
register.filter("offer_while_off", words.while_off)
register.filter("tiers", words.tiers)
register.filter("difference", words.difference)
register.simple_tag(lines.names, name="line_names")


@register.filter
def text(row: Any, name: str) -> str:
    """The column of that name, or its English one for an English reader where it is written."""
    return words.chosen(getattr(row, name), getattr(row, f"{name}_en"))


@register.filter
def further(priced: Priced) -> str:
    """What the second terminal and those after it cost."""
    return words.terminals(priced.amounts_cents, priced.starts_over)


@register.filter
def further_of(price: Price) -> str:
    return words.terminals(tuple(price.amounts_cents), price.after_last == AfterLast.AGAIN)


@register.filter
def first_cents(amounts: tuple[int, ...]) -> int:
    return amounts[0]


@register.filter
def charge_name(charge: str) -> str:
    return str(Charge(charge).label)


@register.filter
def per(charge: str, offer: Offer) -> str:
    """What a charge is per: a month, a term, or once."""
    if charge == Charge.ONCE:
        return _("一次性")
    return words.unit(offer) if charge == Charge.PERIOD else _("每月")


@register.filter
def reduction(rule: PriceRule) -> str:
    """How much a published discount takes off."""
    if rule.effect == PriceRule.Effect.PERCENT:
        return _("按价格的 %(percent)s%% 收取") % {"percent": rule.value}
    if rule.effect == PriceRule.Effect.MINUS:
        return _("每月减 %(amount)s") % {"amount": display(rule.value)}
    return _("只收 %(amount)s") % {"amount": display(rule.value)}


@register.filter
def kinds(codes: list[str]) -> str:
    """Kinds of customers in words."""
    return _("、").join(str(Customer.Kind(code).label) for code in codes)


@register.filter
def listed(values: list[Any]) -> str:
    return _("、").join(map(str, values))


@register.simple_tag
def beside(before: Iterable[Line], now: Iterable[Line], known: Names) -> Beside:
    """Two months item by item, for catalog/offers/beside.html."""
    return lines.compare(before, now, known)


@register.filter
def sentences(said: list[str]) -> str:
    """Several reasons in one line."""
    return _("；").join(said)


@register.filter
def with_features(row: ProductSpecification) -> str:
    """A product with what is in it."""
    features = _("，").join(f"{text(each, 'name')} {text(each, 'value')}" for each in row.features.all())
    return _("%(product)s（%(features)s）") % {"product": row, "features": features} if features else str(row)


@register.filter
def day_before(day: date) -> date:
    """The last day on which what ends on `day` still holds."""
    return date.fromordinal(day.toordinal() - 1)
