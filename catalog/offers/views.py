"""What is sold, as everybody reads it: the shelf, one offer, several side by side, and the tariff disclosure."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from catalog.offers import viewers, words
from catalog.offers.models import Offer, OfferSeries, ProductType
from catalog.offers.selectors import disclosure
from catalog.offers.selectors import shelf as reads
from catalog.offers.selectors.shelf import Shown
from core import clock

MOST_COMPARED = 4
LONGEST_WORDS = 60
Series = tuple[OfferSeries | None, list[Shown]]  # what belongs to none: None


@require_safe
def shelf(request: HttpRequest) -> HttpResponse:
    """Everything on sale by type, what is for the reader first; `type` narrows."""
    now = clock.now()
    asked = viewers.of(request, clock.local_date(now))
    found = [each for each in reads.on_sale(asked.viewer, now) if _is_near(each, asked)]
    types = _types(found)
    chosen = request.GET.get("type", "")
    shown = [each for each in found if not chosen or each.offer.type.code == chosen]
    context = {
        "asked": asked,
        "types": types,
        "chosen": chosen,
        "keep": [("type", chosen)] if chosen else [],
        "own": [each for each in shown if each.is_eligible and each.because and asked.viewer.is_known],
        "groups": _grouped([each for each in shown if each.is_eligible]),
        "others": [each for each in shown if not each.is_eligible],
        "most": MOST_COMPARED,
    }
    return asked.remember(request, render(request, "catalog/offers/shelf.html", context))


@require_safe
def offer(request: HttpRequest, code: str) -> HttpResponse:
    """One offer with all that it costs and binds to; what is no longer sold says so."""
    now = clock.now()
    today = clock.local_date(now)
    asked = viewers.of(request, today)
    found = reads.one(code, asked.viewer, now)
    if found is None:
        raise Http404
    state = disclosure.state(found.offer, today)
    context = {
        "asked": asked,
        "shown": found,
        "offer": found.offer,
        "state": state,
        "first": reads.first_bills(found, asked.viewer, today) if state == "ON_SALE" else None,
        "upgrades": _partners(found.offer, "UPGRADES_TO"),
        "excludes": _partners(found.offer, "EXCLUDES"),
    }
    return asked.remember(request, render(request, "catalog/offers/offer.html", context))


@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Two to four offers side by side; fewer or more: the page says so."""
    now = clock.now()
    asked = viewers.of(request, clock.local_date(now))
    codes = list(dict.fromkeys(request.GET.getlist("offer")))
    found = reads.some(codes[:MOST_COMPARED], asked.viewer, now)
    context: dict[str, Any] = {
        "asked": asked,
        "found": found,
        "features": [(one, list(zip(found, said, strict=True))) for one, said in _features(found)],
        "is_cut": len(codes) > MOST_COMPARED,
        "most": MOST_COMPARED,
    }
    return asked.remember(request, render(request, "catalog/offers/compare.html", context))


@require_safe
def tariffs(request: HttpRequest) -> HttpResponse:
    """资费公示: everything on sale with all its prices and terms, and what was sold in the last year; `q` searches."""
    now = clock.now()
    asked = request.GET.get("q", "").replace("\0", "")[:LONGEST_WORDS].strip()
    types = disclosure.types(now)
    chosen = next((each for each in types if each.code == request.GET.get("type", "")), None)
    context = {
        "found": disclosure.everything(as_of=now, words=asked, type_code=chosen.code if chosen else ""),
        "words": asked,
        "types": types,
        "chosen": chosen,
        "as_of": now,
    }
    return render(request, "catalog/offers/tariffs.html", context)


def _is_near(each: Shown, asked: viewers.Asked) -> bool:
    """Not only for other places than the one that was chosen."""
    return asked.viewer.region_id is None or not any(
        reason.code == "NOT_FOR_REGION" for reason in each.eligibility.refusals
    )


def _types(found: list[Shown]) -> list[ProductType]:
    types = {each.offer.type_id: each.offer.type for each in found}
    return sorted(types.values(), key=lambda each: (each.position, each.code))


def _grouped(found: list[Shown]) -> list[tuple[ProductType, list[Series]]]:
    """Type by type; within a type each series in one place, then what belongs to none."""
    return [
        (each, _in_series([one for one in found if one.offer.type_id == each.pk])) for each in _types(found)
    ]


def _in_series(found: list[Shown]) -> list[Series]:
    rows = {one.offer.series_id: one.offer.series for one in found if one.offer.series is not None}
    series = sorted(rows.values(), key=lambda row: (row.position, row.code))
    groups: list[Series] = [(row, [one for one in found if one.offer.series_id == row.pk]) for row in series]
    rest = [one for one in found if one.offer.series_id is None]
    return [*groups, (None, rest)] if rest else groups


def _partners(row: Offer, kind: str) -> list[Offer]:
    return [each.other for each in row.relations.all() if each.kind == kind and each.other.published_at]


def _features(found: list[Shown]) -> list[tuple[Any, list[str]]]:
    """What any of them has, and what each says of it; "—" where it says nothing."""
    first: dict[str, Any] = {}
    for each in found:
        for feature in each.features:
            first.setdefault(feature.name, feature)
    return [(feature, [_value(each, name) for each in found]) for name, feature in first.items()]


def _value(each: Shown, name: str) -> str:
    said = [words.chosen(one.value, one.value_en) for one in each.features if one.name == name]
    return _("、").join(said) or "—"
