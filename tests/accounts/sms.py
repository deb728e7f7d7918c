"""What the phones of a test have received."""

import re

from notices import vault
from notices.models import Delivery


def text_to(phone: str) -> str:
    """The last message on its way to the phone (E.164); "" when there is none."""
    delivery = Delivery.objects.filter(address=phone).order_by("-pk").first()
    if delivery is None:
        return ""
    return delivery.body or vault.read(delivery.reference) or ""


def code_to(phone: str) -> str:
    """The six digits in it."""
    found = re.search(r"\b\d{6}\b", text_to(phone))
    assert found, f"no code on its way to {phone}"
    return found[0]
