"""A number is back with who had it: he is told, once, on every contact that he left and in his inbox."""

from datetime import datetime

from arrears.selectors import facts as facts_reads
from arrears.services import telling
from catalog.models import Order, OrderLine
from core import masks
from operations.models import Slip

OPERATION = "number.restore"


def tell(order_number: str, *, as_of: datetime) -> int:
    """How many messages; none for an order of anything else."""
    order = Order.objects.only("slip_number", "account_id").get(number=order_number)
    if not Slip.objects.filter(number=order.slip_number, operation=OPERATION).exists():
        return 0
    line = OrderLine.objects.filter(order=order).exclude(service_number="").first()
    subject = facts_reads.of([order.account_id], as_of=as_of).get(order.account_id)
    if line is None or subject is None:
        return 0
    said: dict[str, telling.Said] = {"service": masks.phone(line.service_number)}
    return telling.tell_all("number_restored", [(subject, f"number:{order_number}", said)], as_of=as_of)
