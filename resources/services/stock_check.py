"""The proof of the stock's ledger."""

from dataclasses import dataclass

from django.db import connection

JOB = "resources.check_stock"

_SQL = """
    WITH moved AS (
        SELECT item_id, sum(available) AS available, sum(reserved) AS reserved, sum(in_transit) AS in_transit
          FROM resources_stockmove GROUP BY item_id),
    open_reservations AS (
        SELECT item_id, sum(quantity) AS reserved FROM resources_reservation
         WHERE state IN ('HELD', 'CONFIRMED') GROUP BY item_id),
    under_way AS (
        SELECT target_id AS item_id, sum(quantity) AS in_transit FROM resources_transfer
         WHERE state = 'UNDER_WAY' GROUP BY target_id)
    SELECT i.id, level.name, level.shown, level.proven
      FROM resources_stockitem i
      LEFT JOIN moved m ON m.item_id = i.id
      LEFT JOIN open_reservations r ON r.item_id = i.id
      LEFT JOIN under_way t ON t.item_id = i.id
      CROSS JOIN LATERAL (VALUES
          ('available', i.available, coalesce(m.available, 0)),
          ('reserved', i.reserved, coalesce(m.reserved, 0)),
          ('in transit', i.in_transit, coalesce(m.in_transit, 0)),
          ('reserved by reservations', i.reserved, coalesce(r.reserved, 0)),
          ('in transit by transfers', i.in_transit, coalesce(t.in_transit, 0))) AS level (name, shown, proven)
     WHERE level.shown <> level.proven
     ORDER BY i.id, level.name"""


@dataclass(frozen=True)
class Difference:
    """A level that its rows do not prove."""

    item_id: int
    level: str
    shown: int
    proven: int

    def __str__(self) -> str:
        return f"item {self.item_id}: {self.level} shows {self.shown}, its rows say {self.proven}"


def differences() -> list[Difference]:
    """Every level that is not the sum of its moves, or of the reservations and transfers under way; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL)
        return [Difference(*row) for row in cursor.fetchall()]
