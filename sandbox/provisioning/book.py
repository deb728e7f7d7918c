"""What the stand-in was asked to do, and how a developer wants the next commands to end."""

import json
import secrets
import sqlite3
import time
from collections.abc import Mapping

from sandbox.store import Store

SUCCEED, REFUSE, BUSY, LOSE, DELAY = "SUCCEED", "REFUSE", "BUSY", "LOSE", "DELAY"
MOODS = (SUCCEED, REFUSE, BUSY, LOSE, DELAY)
"""LOSE does it and loses the answer, once; DELAY says for some seconds that it is under way."""
DELAY_SECONDS = 15.0
_NAMES = ("action", "subject_kind", "subject_id")


class KeyUsed(Exception):
    """The key came again with another content."""


class Book:
    """All commands by their key; each is carried out once, whoever repeats it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def mood(self) -> str:
        row = self._store.one("SELECT mood FROM provisioning_mood")
        return str(row["mood"]) if row else SUCCEED

    def feel(self, mood: str) -> None:
        """How commands end from now on."""
        with self._store.transaction():
            self._store.run("DELETE FROM provisioning_mood")
            self._store.run("INSERT INTO provisioning_mood (mood) VALUES (?)", mood)

    def take(self, key: str, fields: Mapping[str, object]) -> tuple[sqlite3.Row, bool]:
        """The command of that key, written down when it is new, and whether it is; raises `KeyUsed`."""
        values = {name: str(fields[name]) for name in _NAMES}
        payload = json.dumps(fields.get("payload"), sort_keys=True, ensure_ascii=False)
        known = self.command(key)
        if known is None:
            delay = DELAY_SECONDS if self.mood() == DELAY else 0.0
            now = time.time()
            made = self._store.run(
                "INSERT OR IGNORE INTO provisioning_commands (key, reference, action, subject_kind, subject_id,"
                " payload, created_at, done_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                key,
                secrets.token_hex(8),
                *values.values(),
                payload,
                now,
                now + delay,
            )
            known, is_new = self.command(key), bool(made)
        else:
            is_new = False
        assert known is not None
        if payload != known["payload"] or any(known[name] != value for name, value in values.items()):
            raise KeyUsed(key)
        return known, is_new

    def command(self, key: str) -> sqlite3.Row | None:
        return self._store.one("SELECT * FROM provisioning_commands WHERE key = ?", key)

    def commands(self) -> list[sqlite3.Row]:
        """The newest first."""
        return self._store.all("SELECT * FROM provisioning_commands ORDER BY created_at DESC, key LIMIT 200")
