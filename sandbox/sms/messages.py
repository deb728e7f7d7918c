"""The messages that were sent, and the receipts that go back for them."""

import json
import secrets
import sqlite3
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sandbox import courier
from sandbox.config import Config
from sandbox.sms import chaos, signature
from sandbox.sms.chaos import Chaos
from sandbox.store import Store

KIND = "sms-receipt"
MOST_PARTS = 10
_DELAYS = (1.0, 2.0, 5.0, 15.0, 60.0)
_REPEATS = (0.3, 0.6)
_FORGED = "forged"


class Refused(Exception):
    """The gateway does not take the message; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Messages:
    """All messages. A message id that is sent again is the same message."""

    def __init__(self, store: Store, config: Config) -> None:
        self._store = store
        self._config = config
        self._busy: set[str] = set()
        self.chaos = Chaos()

    def accept(self, *, phone: str, text: str, message_id: str) -> str:
        """Keep a message, plan its receipts, and return the provider's number for it. Raises `Refused`."""
        self._refuse(phone, text, message_id)
        status, _code, _words = chaos.outcome(phone)
        number = f"SMS{secrets.token_hex(10)}"
        with self._store.transaction():
            added = self._store.run(
                "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (message_id) DO NOTHING",
                *(number, message_id, phone, text, status, time.time()),
            )
            if not added:
                return self._number_of(message_id)
            self._plan_receipts(number, message_id, phone)
        return number

    def search(self, phone: str, limit: int = 200) -> list[sqlite3.Row]:
        """Newest first; `phone` is any part of the number."""
        return self._store.all(
            "SELECT * FROM messages WHERE instr(phone, ?) ORDER BY received_at DESC, rowid DESC LIMIT ?",
            phone,
            limit,
        )

    def receipts(self, message_ids: Sequence[str]) -> list[dict[str, str]]:
        """The receipts of these messages as they were (or would have been) sent: body and signature each."""
        found = []
        for message_id in message_ids:
            row = self._store.one("SELECT * FROM messages WHERE message_id = ?", message_id)
            if row is not None and row["received_at"] + self._config.receipt_seconds <= time.time():
                at = datetime.fromtimestamp(row["received_at"], UTC)
                letter = self.write_receipt(
                    _receipt(row["provider_message_id"], message_id, row["phone"], at)
                )
                found.append({"body": letter.body.decode(), "signature": letter.headers["X-Signature"]})
        return found

    def write_receipt(self, payload: Mapping[str, str]) -> courier.Letter:
        """One send of a receipt; a forged one has a signature that nobody's secret makes."""
        values = dict(payload)
        is_forged = bool(values.pop(_FORGED, ""))
        body = json.dumps(values, ensure_ascii=False).encode()
        given = signature.of(body, secrets.token_hex(16) if is_forged else self._config.sms_secret)
        return courier.Letter("application/json", body, {"X-Signature": given})

    def _refuse(self, phone: str, text: str, message_id: str) -> None:
        if chaos.parts(text) > MOST_PARTS:
            raise Refused("TOO_LONG")
        if phone.endswith(chaos.BLOCKED):
            raise Refused("DENY_LIST")
        if phone.endswith(chaos.BUSY) and message_id not in self._busy:
            self._busy.add(message_id)
            raise Refused("BUSY")

    def _number_of(self, message_id: str) -> str:
        row = self._store.one(
            "SELECT provider_message_id AS number FROM messages WHERE message_id = ?", message_id
        )
        return str(row["number"]) if row else ""

    def _plan_receipts(self, number: str, message_id: str, phone: str) -> None:
        """The receipt, and what chaos makes of it."""
        happens = self.chaos.of(phone, message_id)
        at, wait = datetime.now(UTC), self._config.receipt_seconds
        payload = _receipt(number, message_id, phone, at)
        if "forge" in happens:
            opposite = "FAILED" if payload["status"] == "DELIVERED" else "DELIVERED"
            self._plan(number, payload | {"status": opposite, _FORGED: "1"}, 0.0, delays=())
        if "lose" in happens:
            return
        wait += self.chaos.delay_seconds if "delay" in happens else 0.0
        self._plan(number, payload, wait)
        if "repeat" in happens:
            for later in _REPEATS:
                self._plan(number, payload, wait + later)
        if "reorder" in happens:
            trouble = {"status": "FAILED", "code": "OUT_OF_REACH", "error": "暂时无法接通"}
            earlier = {"at": (at - timedelta(seconds=30)).isoformat()}
            self._plan(number, payload | trouble | earlier, wait + _REPEATS[0])

    def _plan(
        self, number: str, payload: Mapping[str, str], wait: float, delays: Sequence[float] = _DELAYS
    ) -> None:
        courier.enqueue(
            self._store,
            KIND,
            subject=number,
            url=f"{self._config.hall_base_url}/notices/receipts/sms/",
            payload=payload,
            delays=delays,
            wait=wait,
        )


def _receipt(number: str, message_id: str, phone: str, at: datetime) -> dict[str, str]:
    status, code, words = chaos.outcome(phone)
    return {
        "provider_message_id": number,
        "message_id": message_id,
        "status": status,
        "at": at.isoformat(),
        "error": words,
        "code": code,
    }
