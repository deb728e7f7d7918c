"""Where pieces lie for a place."""

from collections.abc import Collection

from accounts.models import Region
from resources.models import StockItem


def for_place(skus: Collection[str], region_id: int | None) -> dict[str, list[StockItem]]:
    """By sku: the stores of the region itself and of those above it, the nearest first, whether anything lies there."""
    parents = dict(Region.objects.values_list("pk", "parent_id"))
    path: list[int] = []
    while region_id is not None and region_id not in path:
        path.append(region_id)
        region_id = parents.get(region_id)
    rows = StockItem.objects.filter(sku__in=skus, place_id__in=path)
    nearest = sorted(rows, key=lambda row: path.index(row.place_id))
    return {sku: [row for row in nearest if row.sku == sku] for sku in skus}
