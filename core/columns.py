"""Columns of staff pages: amounts in yuan, instants, states as labels, addresses masked."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import display

from core import money
from core.masks import address as mask

Column = Callable[[Any, Any], Any]
TONES = {"ok": "success", "wait": "info", "warn": "warning", "bad": "danger"}  # ours → the theme's


def amount(field: str, title: Any) -> Column:
    """A column that shows an amount in fen as ¥26.00."""

    def column(self: Any, row: Any) -> str | None:
        cents = getattr(row, field)
        return None if cents is None else money.display(cents)

    return _column(column, field, title)


def masked(field: str, title: Any) -> Column:
    """A column that shows a phone or an e-mail masked."""

    def column(self: Any, row: Any) -> str:
        return mask(getattr(row, field) or "")

    return _column(column, field, title)


def moment(field: str, title: Any) -> Column:
    """A column that shows an instant as 2026-11-03 09:30:00, local time: sorts by eye, fits a narrow screen."""

    def column(self: Any, row: Any) -> str | None:
        at = when(getattr(row, field))
        return at and format_html('<span class="backoffice-when">{}</span>', at)

    return _column(column, field, title)


def badge(field: str, title: Any, tones: dict[str, str]) -> Column:
    """A column that shows a state as a coloured label; `tones` maps states to ok | wait | warn | bad."""

    def column(self: Any, row: Any) -> tuple[str, str]:
        return getattr(row, field), getattr(row, f"get_{field}_display")()

    labels = {state: TONES[tone] for state, tone in tones.items()}
    shown: Column = display(description=title, ordering=field, label=labels)(column)
    return shown


def when(at: datetime | None) -> str | None:
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M:%S") if at else None


def _column(column: Column, field: str, title: Any) -> Column:
    shown: Column = display(description=title, ordering=field)(column)
    return shown
