"""Sentences kept on slips: in every language of the hall, so that a slip reads well whoever opens it later."""

from typing import Any

from django.conf import settings
from django.utils import translation

Texts = dict[str, str]


def in_every_language(text: Any) -> Texts:
    """A lazy text in each language; a plain string is the same in all."""
    kept: Texts = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            kept[language] = str(text)
    return kept


def in_reader_language(kept: Texts | str) -> str:
    """The text for the language that is active now, else in the source language."""
    if isinstance(kept, str):
        return kept
    return kept.get(translation.get_language() or "") or kept.get(settings.LANGUAGE_CODE, "")


def in_source_language(kept: Texts) -> str:
    """The text that staff and reports read."""
    return kept.get(settings.LANGUAGE_CODE, "")
