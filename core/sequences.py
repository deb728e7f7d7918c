"""Public numbers (slips, receipts, payments, bills): PostgreSQL sequences, so that taking one locks nobody.

Gaps appear when a transaction is rolled back; a number never repeats. Each sequence is made by a migration
with `create(name)` in the app that uses it.
"""

from datetime import date

from django.db import connection, migrations


def create(name: str) -> migrations.RunSQL:
    """The migration operation that makes the sequence."""
    return migrations.RunSQL(f'CREATE SEQUENCE "{name}"', f'DROP SEQUENCE "{name}"')


def next_number(name: str, *, prefix: str, on: date) -> str:
    """`prefix` + yyyymmdd + ten digits, e.g. S202611210000000017: unique for ever, [0-9A-Z] only."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(%s)", [name])
        (value,) = cursor.fetchone()
    return f"{prefix}{on:%Y%m%d}{value:010d}"
