"""The tries of a delivery leave with it: the functions of 0001, with one more table in the chain of messages."""

from importlib import import_module

from django.db import migrations

_first = import_module("hall.migrations.0001_purges")


def _replaced(sql: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        if old not in sql:
            raise ValueError(f"not in the function any more: {old}")
        sql = sql.replace(old, new)
    return sql


_REPLACE = ("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
# Whatever points to one of the tries would be evidence too, but nothing does: they may stand beside the chain.
CANDIDATES = _replaced(
    _first.CANDIDATES,
    _REPLACE,
    (
        """    FOR level IN 1 .. cardinality(chain) LOOP
        inside := inside || split_part(chain[level], '.', 1)::regclass::oid;
    END LOOP;
""",
        """    FOR level IN 1 .. cardinality(chain) LOOP
        inside := inside || split_part(chain[level], '.', 1)::regclass::oid;
    END LOOP;
    IF rule = 'messages' THEN
        inside := inside || 'notices_deliveryattempt'::regclass::oid;
    END IF;
""",
    ),
)
PURGE = _replaced(
    _first.PURGE,
    _REPLACE,
    (
        "ARRAY['notices_message', 'notices_delivery', 'notices_deliveryreceipt']",
        "ARRAY['notices_message', 'notices_delivery', 'notices_deliveryreceipt', 'notices_deliveryattempt']",
    ),
    (
        """        DELETE FROM notices_deliveryreceipt WHERE delivery_id IN
""",
        """        DELETE FROM notices_deliveryattempt WHERE delivery_id IN
            (SELECT id FROM notices_delivery WHERE message_id = ANY (ids));
        DELETE FROM notices_deliveryreceipt WHERE delivery_id IN
""",
    ),
)


class Migration(migrations.Migration):
    dependencies = [("hall", "0001_purges"), ("notices", "0003_heard")]
    operations = [
        migrations.RunSQL(CANDIDATES, _replaced(_first.CANDIDATES, _REPLACE)),
        migrations.RunSQL(PURGE, _replaced(_first.PURGE, _REPLACE)),
    ]
