"""The messages that were sent, and the receipts that go back for them."""

import json
import secrets
import sqlite3
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from sandbox import courier
from sandbox.config import Config
from sandbox.sms import signature
from sandbox.store import Store

KIND = "sms-receipt"
_DELAYS = (1.0, 2.0, 5.0, 15.0, 60.0)
_DEAD_ENDING = "0000"


class Messages:
    """All messages. A message id that is sent again is the same message."""

    def __init__(self, store: Store, config: Config) -> None:
        self._store = store
        self._config = config

    def accept(self, *, phone: str, text: str, message_id: str) -> str:
        """Keep a message, plan its receipt, and return the provider's number for it."""
        status = "FAILED" if phone.endswith(_DEAD_ENDING) else "DELIVERED"
        number = f"SMS{secrets.token_hex(10)}"
        with self._store.transaction():
            added = self._store.run(
                "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (message_id) DO NOTHING",
                *(number, message_id, phone, text, status, time.time()),
            )
            if not added:
                return self._number_of(message_id)
            self._plan_receipt(number, message_id, status)
        return number

    def search(self, phone: str, limit: int = 200) -> list[sqlite3.Row]:
        """Newest first; `phone` is any part of the number."""
        return self._store.all(
            "SELECT * FROM messages WHERE instr(phone, ?) ORDER BY received_at DESC, rowid DESC LIMIT ?",
            phone,
            limit,
        )

    def write_receipt(self, payload: Mapping[str, str]) -> courier.Letter:
        """One send of a receipt."""
        body = json.dumps(payload, ensure_ascii=False).encode()
        headers = {"X-Signature": signature.of(body, self._config.sms_secret)}
        return courier.Letter("application/json", body, headers)

    def _number_of(self, message_id: str) -> str:
        row = self._store.one(
            "SELECT provider_message_id AS number FROM messages WHERE message_id = ?", message_id
        )
        return str(row["number"]) if row else ""

    def _plan_receipt(self, number: str, message_id: str, status: str) -> None:
        courier.enqueue(
            self._store,
            KIND,
            subject=number,
            url=f"{self._config.hall_base_url}/notices/receipts/sms/",
            payload={
                "provider_message_id": number,
                "message_id": message_id,
                "status": status,
                "at": datetime.now(UTC).isoformat(),
                "error": "空号" if status == "FAILED" else "",
            },
            delays=_DELAYS,
            wait=self._config.receipt_seconds,
        )
