"""Decisions of this room: no database, no clock, no settings."""

import re
from collections.abc import Mapping

from notices.models import DeliveryState, Failure

_VARIABLE = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
FALLBACK_LANGUAGE = "zh-hans"
_ENHANCED = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")

# What receipts say. SMS: the first two; e-mail: all but the second.
DELIVERED, FAILED = "DELIVERED", "FAILED"
BOUNCED_HARD, BOUNCED_SOFT, COMPLAINED = "BOUNCED_HARD", "BOUNCED_SOFT", "COMPLAINED"
_FAILURES: dict[str, str] = {
    FAILED: Failure.OTHER,
    BOUNCED_HARD: Failure.HARD,
    BOUNCED_SOFT: Failure.SOFT,
    COMPLAINED: Failure.COMPLAINT,
}
_LASTING = (Failure.HARD, Failure.COMPLAINT)


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
    if status == DELIVERED and state != DeliveryState.EXPIRED:
        return DeliveryState.DELIVERED
    if status in _FAILURES and status != COMPLAINED and state in (DeliveryState.QUEUED, DeliveryState.SENT):
        return DeliveryState.FAILED
    return state


def failure_after_receipt(failure: str, state: str, status: str, told: str = "") -> str:
    """Whose trouble it is, after a verified receipt and the state that it led to. `told`: by the carrier's code.

    An address that takes no mail and a complaint are remembered even if the mail was said to have arrived before;
    anything less is forgotten as soon as it does arrive.
    """
    if failure in _LASTING:
        return failure
    said = told if told and status == FAILED else _FAILURES.get(status, "")
    if said in _LASTING:
        return said
    return (failure or said) if state == DeliveryState.FAILED else ""


def failure_of_smtp(code: int, text: str) -> str:
    """What a mail server's refusal of a recipient says about the address (RFC 5321 codes, RFC 3463 in the text).

    A refusal by policy (5.7) is about us: were it taken for the address's fault, one black list that we stand on
    would end every subscription.
    """
    found = _ENHANCED.search(text)
    enhanced = found[0] if found else ""
    if code < 500 or code == 552 or enhanced.startswith(("4.", "5.2.2", "5.2.3")):
        return Failure.SOFT
    if code in (550, 551, 553) and (not enhanced or enhanced.startswith(("5.1.", "5.2.", "5.0."))):
        return Failure.HARD
    return Failure.OTHER


def failure_of_sms(code: str, known: Mapping[str, str]) -> str:
    """What a carrier's code for a failure says about the number: by the whole code, else by what stands before ":"."""
    return known.get(code) or known.get(code.partition(":")[0]) or Failure.OTHER


def _value(name: str, context: Mapping[str, str]) -> str:
    try:
        return _CONTROL.sub(" ", context[name])
    except KeyError:
        raise BadTemplate(f"no value for {name}") from None
