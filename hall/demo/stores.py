"""The demo's store: boxes of the city with their serial numbers, the same on every machine."""

from datetime import datetime

from accounts.models import Region
from core.actor import Actor
from resources.models import Device, DeviceKind, StockItem
from resources.services import devices, stock

ACTOR = Actor.command("demo_data")
CITY, SKU, NAME = "DEMO-QH", "BOX-4K", "4K 机顶盒"
PIECES, LOW_AT, SERIALS = 40, 5, 10


def everything(*, as_of: datetime) -> int:
    """All of it is there; what is there stays as it is. How many devices are new."""
    city = Region.objects.get(code=CITY)
    item, is_new = StockItem.objects.get_or_create(
        sku=SKU, place=city, defaults={"name": NAME, "low_at": LOW_AT}
    )
    if is_new:
        stock.receive(item_id=item.pk, quantity=PIECES, key="demo:boxes", actor=ACTOR, as_of=as_of)
    known = set(Device.objects.filter(sku=SKU).values_list("serial", flat=True))
    new = [
        serial for serial in (f"4K26{place:08d}" for place in range(1, SERIALS + 1)) if serial not in known
    ]
    for serial in new:
        devices.add(serial=serial, kind=DeviceKind.BOX, sku=SKU, region_id=city.pk, actor=ACTOR, as_of=as_of)
    return len(new)
