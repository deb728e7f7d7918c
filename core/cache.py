"""Django's cache in the database, at the price of one statement for a write.

Django's own counts the whole table before every write and asks before it writes; here an upsert does. Old entries go
a thousand at a time, now and then.
"""

import base64
import pickle
from datetime import UTC, datetime
from random import randrange
from typing import Any

from django.core.cache.backends.db import DatabaseCache
from django.db import connections, router

_CLEAN_EVERY = 500  # writes
_FOREVER = datetime(9999, 12, 31, tzinfo=UTC)


class PostgresCache(DatabaseCache):
    """Reads and deletes as Django's; `add` is atomic over all processes."""

    _writes = {
        "set": "ON CONFLICT (cache_key) DO UPDATE SET value = excluded.value, expires = excluded.expires",
        "add": "ON CONFLICT (cache_key) DO UPDATE SET value = excluded.value, expires = excluded.expires"
        " WHERE kept.expires < now()",
    }

    def _base_set(self, mode: str, key: str, value: Any, timeout: Any = None) -> bool:
        ends = self.get_backend_timeout(timeout)
        expires = _FOREVER if ends is None else datetime.fromtimestamp(ends, UTC)
        connection = connections[router.db_for_write(self.cache_model_class)]
        table = connection.ops.quote_name(self._table)  # type: ignore[attr-defined]
        with connection.cursor() as cursor:
            if mode == "touch":
                cursor.execute(
                    f"UPDATE {table} SET expires = %s WHERE cache_key = %s AND expires >= now()",
                    [expires, key],
                )
            else:
                cursor.execute(
                    f"INSERT INTO {table} AS kept (cache_key, value, expires) VALUES (%s, %s, %s) {self._writes[mode]}",
                    [key, base64.b64encode(pickle.dumps(value, self.pickle_protocol)).decode(), expires],
                )
            is_done = bool(cursor.rowcount)
            if randrange(_CLEAN_EVERY) == 0:
                self._clean(cursor, table)
        return is_done

    def _clean(self, cursor: Any, table: str) -> None:
        cursor.execute(
            f"""DELETE FROM {table} WHERE cache_key IN (SELECT cache_key FROM {table} WHERE expires < now()
                 ORDER BY expires LIMIT 1000 FOR UPDATE SKIP LOCKED)"""
        )
