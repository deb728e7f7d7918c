"""What an operation promises before it is confirmed (Quote), and what it answers afterwards (Done, Pending)."""

import dataclasses
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise

from core import idempotency

Text = str | Promise


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """A line of the quote: a label with an amount in fen, or with a plain value, or alone."""

    label: Text
    amount_cents: int | None = None  # null: a line without money
    value: Text = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """Price in fen, the day it takes effect, its lines, what to beware of, and what will happen.

    Texts may be lazy translations or plain strings in the language that is active while quoting.
    """

    price_cents: int
    effective_on: date
    lines: tuple[QuoteLine, ...] = ()
    warnings: tuple[Text, ...] = ()
    outcome: Text = ""

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON, lazy texts in the source language: changes when any promise changes."""
        with translation.override(settings.LANGUAGE_CODE):
            return idempotency.digest(self.as_json())

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values, texts in the active language."""
        return {
            "price_cents": self.price_cents,
            "effective_on": self.effective_on.isoformat(),
            "lines": [
                {"label": str(line.label), "amount_cents": line.amount_cents, "value": str(line.value)}
                for line in self.lines
            ],
            "warnings": [str(warning) for warning in self.warnings],
            "outcome": str(self.outcome),
        }

    def rendered(self) -> "Quote":
        """The same quote with its texts fixed in the active language."""
        return dataclasses.replace(
            self,
            lines=tuple(
                dataclasses.replace(line, label=str(line.label), value=str(line.value)) for line in self.lines
            ),
            warnings=tuple(str(warning) for warning in self.warnings),
            outcome=str(self.outcome),
        )


@dataclass(frozen=True, slots=True)
class Done:
    """Carried out. `text` (lazy: kept in every language) is what the customer is told; `url` where he goes next."""

    text: Text
    url: str = ""
    data: dict[str, Any] = field(default_factory=dict)  # plain JSON, no personal data beyond need


@dataclass(frozen=True, slots=True)
class Pending:
    """Under way: the room that owns the subject ends the slip later through `operations.services.slips.finish`."""

    subject_kind: str  # e.g. "payment"
    subject_id: str  # its public number
    text: Text
    url: str = ""
