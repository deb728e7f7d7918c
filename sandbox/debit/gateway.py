"""/debit/…: the interface that the hall calls. Every believed question gets a signed answer with its nonce."""

import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime

from sandbox import web
from sandbox.debit.book import LOSE, Book, Refused, moment
from sandbox.debit.seals import Distrusted, Seal

Fields = Mapping[str, object]


class DebitGateway:
    """The views over `Book`."""

    def __init__(self, book: Book, seal: Seal) -> None:
        self._book = book
        self._seal = seal

    def propose(self, request: web.Request) -> web.Answer:
        """POST {reference, account_number, max_cents, sign_by, return_url} → {sign_url}."""

        def carry_out(fields: Fields) -> Fields:
            token = self._book.propose(
                _text(fields, "reference"),
                number=_text(fields, "account_number"),
                max_cents=_cents(fields, "max_cents"),
                sign_by=_moment(fields, "sign_by"),
                back=_text(fields, "return_url"),
            )
            host = {name.lower(): value for name, value in request.headers.items()}.get("host", "")
            return {"sign_url": f"http://{host}/debit/sign/{token}"}

        return self._answer(request, carry_out)

    def query_agreement(self, request: web.Request) -> web.Answer:
        """POST {reference} → {status, agreement_no, signed_at}."""

        def carry_out(fields: Fields) -> Fields:
            row = self._book.agreement(_text(fields, "reference"))
            names = ("reference", "status", "agreement_no")
            return {**{name: row[name] for name in names}, "signed_at": moment(row["signed_at"])}

        return self._answer(request, carry_out)

    def end_agreement(self, request: web.Request) -> web.Answer:
        """POST {reference}."""

        def carry_out(fields: Fields) -> Fields:
            self._book.end(_text(fields, "reference"))
            return {}

        return self._answer(request, carry_out)

    def debit(self, request: web.Request) -> web.Answer:
        """POST {reference, agreement_no, amount_cents, subject, expires_at} → the debit as it ended."""
        moods = []

        def carry_out(fields: Fields) -> Fields:
            row, mood = self._book.debit(
                _text(fields, "reference"),
                agreement_no=_text(fields, "agreement_no"),
                cents=_cents(fields, "amount_cents"),
                subject=_text(fields, "subject"),
                expires_at=_moment(fields, "expires_at"),
            )
            moods.append(mood)
            return self._told(row)

        answer = self._answer(request, carry_out)
        return web.Answer(b"", "text/plain", 502) if LOSE in moods else answer

    def query(self, request: web.Request) -> web.Answer:
        """POST {reference} → the debit."""
        return self._answer(
            request, lambda fields: self._told(self._book.debited(_text(fields, "reference")))
        )

    def close(self, request: web.Request) -> web.Answer:
        """POST {reference} → the debit, which takes no money from now on."""
        return self._answer(request, lambda fields: self._told(self._book.close(_text(fields, "reference"))))

    def refund(self, request: web.Request) -> web.Answer:
        """POST {reference, request_no, amount_cents}."""

        def carry_out(fields: Fields) -> Fields:
            row = self._book.refund(
                _text(fields, "reference"), _text(fields, "request_no"), _cents(fields, "amount_cents")
            )
            return self._refunded(row)

        return self._answer(request, carry_out)

    def query_refund(self, request: web.Request) -> web.Answer:
        """POST {reference, request_no}."""

        def carry_out(fields: Fields) -> Fields:
            return self._refunded(
                self._book.refund_of(_text(fields, "reference"), _text(fields, "request_no"))
            )

        return self._answer(request, carry_out)

    def _answer(self, request: web.Request, carry_out: Callable[[Fields], Fields]) -> web.Answer:
        try:
            fields = self._seal.open(request)
        except Distrusted as error:
            return self._seal.answer({"code": error.code}, error.status)
        try:
            told: Fields = {"code": "OK", **carry_out(fields)}
        except Refused as error:
            told = {"code": error.code, "message": error.message}
        except ValueError as error:
            told = {"code": "BAD_REQUEST", "message": str(error)}
        return self._seal.answer({**told, "nonce": fields["nonce"]})

    def _told(self, row: sqlite3.Row) -> Fields:
        names = ("reference", "trade_no", "amount_cents", "status", "refusal")
        return {
            **{name: row[name] for name in names},
            "paid_at": moment(row["paid_at"]),
            "refunded_cents": self._book.refunded(row["reference"]),
            "payer": "6222****0001" if row["paid_at"] else "",
        }

    def _refunded(self, row: sqlite3.Row) -> Fields:
        return {
            "reference": row["reference"],
            "request_no": row["request_no"],
            "amount_cents": row["amount_cents"],
            "status": "SUCCEEDED",
            "refunded_cents": self._book.refunded(row["reference"]),
            "refunded_at": moment(row["refunded_at"]),
        }


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is no text")
    return value


def _cents(fields: Fields, name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} is no amount")
    return value


def _moment(fields: Fields, name: str) -> float:
    return datetime.fromisoformat(_text(fields, name)).timestamp()
