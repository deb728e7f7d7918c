"""What the stand-in bank keeps: agreements, debits by them, and refunds."""

import secrets
import sqlite3
import time
from datetime import UTC, datetime

from sandbox.store import Store

SUCCEED, NO_MONEY, LOSE = "SUCCEED", "NO_MONEY", "LOSE"
MOODS = (SUCCEED, NO_MONEY, LOSE)
"""How a developer wants the next debits to end: LOSE takes the money and loses the answer."""


class Refused(Exception):
    """A question that the bank answers with an error."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.message = message


class Book:
    """All of it. Every number is kept once, whoever repeats it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def propose(self, reference: str, *, number: str, max_cents: int, sign_by: float, back: str) -> str:
        """An agreement to sign; the token of its page. One that was ended is not proposed again."""
        self._store.run(
            "INSERT INTO debit_agreements (reference, token, agreement_no, account_number, max_cents, sign_by,"
            " return_url, status, mood, created_at) VALUES (?, ?, '', ?, ?, ?, ?, 'WAITING', ?, ?)"
            " ON CONFLICT (reference) DO NOTHING",
            *(reference, secrets.token_hex(12), number, max_cents, sign_by, back, SUCCEED, time.time()),
        )
        row = self.agreement(reference)
        if row["status"] == "ENDED":
            raise Refused("AGREEMENT_ENDED")
        if (row["account_number"], row["max_cents"]) != (number, max_cents):
            raise Refused("OTHER_CONTENT", "the reference stands for another agreement")
        return str(row["token"])

    def agreement(self, reference: str) -> sqlite3.Row:
        """By the hall's number."""
        return self._found("SELECT * FROM debit_agreements WHERE reference = ?", reference)

    def by_token(self, token: str) -> sqlite3.Row:
        """By the token of its page."""
        return self._found("SELECT * FROM debit_agreements WHERE token = ?", token)

    def agreements(self) -> list[sqlite3.Row]:
        """Newest first."""
        return self._store.all("SELECT * FROM debit_agreements ORDER BY created_at DESC LIMIT 100")

    def sign(self, token: str) -> None:
        """The customer signs, in time and once."""
        now = time.time()
        self._store.run(
            "UPDATE debit_agreements SET status = 'ACTIVE', signed_at = ?, agreement_no = ?"
            " WHERE token = ? AND status = 'WAITING' AND sign_by > ?",
            *(now, f"BA{secrets.randbelow(10**12):012d}", token, now),
        )

    def end(self, reference: str) -> None:
        """Over for good. One that was never heard of is remembered as ended."""
        self._store.run(
            "INSERT INTO debit_agreements (reference, token, agreement_no, account_number, max_cents, sign_by,"
            " return_url, status, mood, created_at) VALUES (?, ?, '', '', 0, 0, '', 'ENDED', ?, ?)"
            " ON CONFLICT (reference) DO UPDATE SET status = 'ENDED'",
            *(reference, secrets.token_hex(12), SUCCEED, time.time()),
        )

    def feel(self, token: str, mood: str) -> None:
        """How debits by this agreement end from now on."""
        self._store.run("UPDATE debit_agreements SET mood = ? WHERE token = ?", mood, token)

    def debit(
        self, reference: str, *, agreement_no: str, cents: int, subject: str, expires_at: float
    ) -> tuple[sqlite3.Row, str]:
        """The debit as it ended, at once and once; and the mood that the bank is in."""
        with self._store.transaction():
            agreement = self._store.one(
                "SELECT * FROM debit_agreements WHERE agreement_no = ? AND agreement_no <> ''", agreement_no
            )
            mood = str(agreement["mood"]) if agreement else SUCCEED
            refusal = _refusal(agreement, cents, expires_at)
            self._insert(
                reference, agreement_no, cents, subject, "FAILED" if refusal else "SUCCEEDED", refusal
            )
            row = self.debited(reference)
            if row["amount_cents"] != cents and row["status"] != "CLOSED":
                raise Refused("OTHER_CONTENT", "the reference stands for another debit")
        return row, mood

    def debited(self, reference: str) -> sqlite3.Row:
        """By the hall's number."""
        return self._found("SELECT * FROM debits WHERE reference = ?", reference)

    def debits(self, agreement_no: str) -> list[sqlite3.Row]:
        """Those by one agreement, oldest first."""
        return self._store.all(
            "SELECT * FROM debits WHERE agreement_no = ? AND agreement_no <> '' ORDER BY created_at, rowid",
            agreement_no,
        )

    def close(self, reference: str) -> sqlite3.Row:
        """What has not taken money never will, also when it arrives later."""
        self._insert(reference, "", 0, "", "CLOSED", "")
        return self.debited(reference)

    def refund(self, reference: str, request_no: str, cents: int) -> sqlite3.Row:
        """Pay back: once by this number, and never more than was taken."""
        with self._store.transaction():
            debit = self.debited(reference)
            earlier = self._refund(reference, request_no)
            if earlier is not None:
                if earlier["amount_cents"] != cents:
                    raise Refused("OTHER_CONTENT", "the number stands for another refund")
                return earlier
            if debit["status"] != "SUCCEEDED" or self.refunded(reference) + cents > debit["amount_cents"]:
                raise Refused("ABOVE_DEBIT", "more than was taken")
            self._store.run(
                "INSERT INTO debit_refunds VALUES (?, ?, ?, ?)", reference, request_no, cents, time.time()
            )
            return self.refund_of(reference, request_no)

    def refund_of(self, reference: str, request_no: str) -> sqlite3.Row:
        """One refund."""
        row = self._refund(reference, request_no)
        if row is None:
            raise Refused("NOT_FOUND")
        return row

    def refunded(self, reference: str) -> int:
        """What has gone back so far, in fen."""
        row = self._store.one(
            "SELECT coalesce(sum(amount_cents), 0) AS total FROM debit_refunds WHERE reference = ?", reference
        )
        return int(row["total"]) if row else 0

    def _refund(self, reference: str, request_no: str) -> sqlite3.Row | None:
        return self._store.one(
            "SELECT * FROM debit_refunds WHERE reference = ? AND request_no = ?", reference, request_no
        )

    def _insert(
        self, reference: str, agreement_no: str, cents: int, subject: str, status: str, refusal: str
    ) -> None:
        now = time.time()
        self._store.run(
            "INSERT INTO debits (reference, trade_no, agreement_no, amount_cents, subject, status, refusal, created_at,"
            " paid_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (reference) DO NOTHING",
            *(
                reference,
                f"BD{secrets.randbelow(10**16):016d}",
                agreement_no,
                cents,
                subject,
                status,
                refusal,
            ),
            *(now, now if status == "SUCCEEDED" else None),
        )

    def _found(self, sql: str, value: str) -> sqlite3.Row:
        row = self._store.one(sql, value)
        if row is None:
            raise Refused("NOT_FOUND")
        return row


def moment(at: float | None) -> str:
    """ISO 8601 in UTC; "" for no moment."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).isoformat()


def _refusal(agreement: sqlite3.Row | None, cents: int, expires_at: float) -> str:
    if agreement is None or agreement["status"] != "ACTIVE":
        return "AGREEMENT_ENDED"
    if cents > agreement["max_cents"]:
        return "ABOVE_LIMIT"
    if expires_at <= time.time():
        return "EXPIRED"
    return "INSUFFICIENT_FUNDS" if agreement["mood"] == NO_MONEY else ""
