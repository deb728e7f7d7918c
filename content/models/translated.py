"""Texts that a row holds in both languages: Chinese always, English where somebody wrote it."""

from typing import Any

from django.utils.translation import get_language


def pick(row: Any, name: str) -> str:
    """`name`_en for an English reader where it is not empty, else `name`_zh."""
    if (get_language() or "").startswith("en") and (english := getattr(row, f"{name}_en")):
        return str(english)
    return str(getattr(row, f"{name}_zh"))


def language_of(row: Any, name: str) -> str:
    """The language in which `pick` speaks: for the page's `lang`, where a text is not in the reader's language."""
    english = (get_language() or "").startswith("en") and getattr(row, f"{name}_en")
    return "en" if english else "zh-hans"
