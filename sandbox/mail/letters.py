"""The mails that were sent, and the reports that go back about them.

The name before the @ says what becomes of a mail: nobody… is refused at once, bounce… comes back, full… comes back for
now, spam… is complained about; all others arrive.
"""

import json
import secrets
import sqlite3
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

from sandbox import courier
from sandbox.config import Config
from sandbox.sms import signature
from sandbox.store import Store

KIND = "mail-report"
_DELAYS = (1.0, 2.0, 5.0, 15.0, 60.0)
_FATES = {"bounce": "BOUNCED_HARD", "full": "BOUNCED_SOFT", "spam": "COMPLAINED"}
_ERRORS = {"BOUNCED_HARD": "5.1.1 no such mailbox", "BOUNCED_SOFT": "5.2.2 mailbox full"}


class Letters:
    """All mails. A Message-ID that is sent again is the same mail."""

    def __init__(self, store: Store, config: Config) -> None:
        self._store = store
        self._config = config

    def accept(self, raw: bytes) -> bool:
        """Keeps a mail and plans the report about it; False when its recipient is refused."""
        mail = parsed(raw)
        recipient, message_id = str(mail["To"] or ""), str(mail["Message-ID"] or "")
        if recipient.startswith("nobody") or not message_id:
            return False
        status = next((fate for name, fate in _FATES.items() if recipient.startswith(name)), "DELIVERED")
        with self._store.transaction():
            added = self._store.run(
                "INSERT INTO letters VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (message_id) DO NOTHING",
                *(secrets.token_hex(8), message_id, recipient, str(mail["Subject"] or "")),
                *(raw.decode("latin-1"), status, time.time()),
            )
            if added and self._config.mail_secret:
                self._plan_report(message_id, status)
        return True

    def search(self, recipient: str, limit: int = 100) -> list[sqlite3.Row]:
        """Newest first; `recipient` is any part of the address."""
        return self._store.all(
            "SELECT * FROM letters WHERE instr(recipient, ?) ORDER BY received_at DESC, rowid DESC LIMIT ?",
            recipient,
            limit,
        )

    def get(self, key: str) -> sqlite3.Row | None:
        return self._store.one("SELECT * FROM letters WHERE key = ?", key)

    def write_report(self, payload: Mapping[str, str]) -> courier.Letter:
        """One send of a report."""
        body = json.dumps(payload, ensure_ascii=False).encode()
        return courier.Letter(
            "application/json", body, {"X-Signature": signature.of(body, self._config.mail_secret)}
        )

    def _plan_report(self, message_id: str, status: str) -> None:
        courier.enqueue(
            self._store,
            KIND,
            subject=message_id,
            url=f"{self._config.hall_base_url}/notices/receipts/email/",
            payload={
                "provider_message_id": message_id,
                "message_id": "",
                "status": status,
                "at": datetime.now(UTC).isoformat(),
                "error": _ERRORS.get(status, ""),
            },
            delays=_DELAYS,
            wait=self._config.receipt_seconds,
        )


def parsed(raw: bytes) -> EmailMessage:
    """The mail as Python reads it."""
    found = message_from_bytes(raw, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def text_of(mail: EmailMessage) -> str:
    """What its reader reads."""
    body = mail.get_body(("plain",))
    return str(body.get_content()) if body is not None else ""
