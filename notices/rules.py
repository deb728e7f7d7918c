"""Decisions of this room: no database, no clock, no settings."""

import re
from collections.abc import Mapping

from notices.models import DeliveryState

_VARIABLE = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
FALLBACK_LANGUAGE = "zh-hans"


class BadTemplate(ValueError):
    """The text of a template names something that the sender does not give, or more than plain variables."""


def render(text: str, context: Mapping[str, str]) -> str:
    """`text` with each {{ name }} replaced. Values cannot add lines, nor (being values) further variables."""
    if "{%" in text or "{#" in text:
        raise BadTemplate("a template holds plain variables only")
    return _VARIABLE.sub(lambda match: _value(match[1], context), text).strip()


def variables(text: str) -> frozenset[str]:
    """The names that a text asks for."""
    return frozenset(_VARIABLE.findall(text))


def languages(wanted: str) -> tuple[str, ...]:
    """In which languages to look for a text, best first."""
    return tuple(dict.fromkeys((wanted, FALLBACK_LANGUAGE)))


def state_after_receipt(state: str, status: str) -> str:
    """What a verified receipt makes of a delivery; the same state when it says nothing new.

    Receipts come late, twice and in any order: DELIVERED is never taken back.
    """
    if status == "DELIVERED" and state != DeliveryState.EXPIRED:
        return DeliveryState.DELIVERED
    if status == "FAILED" and state in (DeliveryState.QUEUED, DeliveryState.SENT):
        return DeliveryState.FAILED
    return state


def _value(name: str, context: Mapping[str, str]) -> str:
    try:
        return _CONTROL.sub(" ", context[name])
    except KeyError:
        raise BadTemplate(f"no value for {name}") from None
