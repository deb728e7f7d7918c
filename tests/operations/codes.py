"""Reading the code that was sent, as its addressee would."""

import re

from notices import vault
from notices.models import Delivery


def last_code(address: str) -> str:
    """The six digits of the newest message to `address`."""
    delivery = Delivery.objects.filter(address=address).latest("pk")
    text = vault.read(delivery.reference)
    found = re.search(r"[0-9]{6}", text or "")
    assert found
    return found[0]


def another(code: str) -> str:
    """A code that is not the right one."""
    return f"{(int(code) + 1) % 1_000_000:06d}"
