"""Lists in a sentence, with the signs of the language that the reader has chosen."""

from collections.abc import Iterable, Sequence

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import pgettext, pgettext_lazy


def words(items: Iterable[object]) -> str:
    """甲、乙、丙; in English a, b, c."""
    return pgettext("between words", "、").join(map(str, items))


def clauses(items: Iterable[object]) -> str:
    """甲；乙；丙; in English a; b; c."""
    return pgettext("between clauses", "；").join(map(str, items))


def clauses_lazy(items: Sequence["str | Promise"]) -> "Promise":
    """The same for texts that are read later, in the language of then."""
    sign = pgettext_lazy("between clauses", "；")
    parts = [part for item in items for part in (sign, item)][1:]
    return format_lazy("{}" * len(parts), *parts)
