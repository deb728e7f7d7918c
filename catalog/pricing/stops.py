"""What is charged while a holding is off: the reasons of one day are settled in the customer's favour."""

from datetime import date, timedelta

from catalog.pricing.types import Holding, Stop, Terms

Span = tuple[date, date]  # [from, to); an open end is date.max

FREE_AFTER_DAYS = 30  # FIRST_30_DAYS: so many days of each stop are charged in full, the later ones not


def policy(stop: Stop, terms: Terms) -> str:
    """FULL, NONE, FEE or FIRST_30_DAYS: what the offer says for this reason."""
    if stop.reason == "CUSTOMER":
        return terms.while_paused
    if stop.reason == "ARREARS":
        return terms.while_in_arrears
    return terms.while_checked


def spans(holding: Holding, terms: Terms) -> tuple[list[Span], list[Span]]:
    """The days on which nothing is charged, and those on which the pause fee is, as far as no free day covers them.

    A stop that is charged in full needs no span: any other reason on the same day is kinder.
    """
    free: list[Span] = []
    fee: list[Span] = []
    for stop in holding.stops:
        end = stop.ends_on or date.max
        kind = policy(stop, terms)
        if kind == "NONE":
            free.append((stop.begins_on, end))
        elif kind == "FIRST_30_DAYS":
            free.append((stop.begins_on + timedelta(days=FREE_AFTER_DAYS), end))
        elif kind == "FEE":
            fee.append((stop.begins_on, end))
    return merged(free), fee


def merged(found: list[Span]) -> list[Span]:
    """The same days as spans that neither touch nor overlap, in order; empty ones are gone."""
    result: list[Span] = []
    for begins, ends in sorted(span for span in found if span[0] < span[1]):
        if result and begins <= result[-1][1]:
            result[-1] = (result[-1][0], max(ends, result[-1][1]))
        else:
            result.append((begins, ends))
    return result


def covers(found: list[Span], day: date) -> bool:
    return any(begins <= day < ends for begins, ends in found)
