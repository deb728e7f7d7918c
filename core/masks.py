"""What may be shown of an address: enough to recognise, too little to use."""

import re

_CHINESE = re.compile(r"(?:\+86)?([0-9]{11})")


def phone(number: str) -> str:
    """From "+8613800000001" → "138****0001"; of any other number only the last four digits."""
    if found := _CHINESE.fullmatch(number):
        return f"{found[1][:3]}****{found[1][-4:]}"
    return f"****{number[-4:]}" if len(number) > 4 else ""


def address(text: str) -> str:
    """A phone as above, an e-mail as w***@example.com; "" stays."""
    name, at, domain = text.partition("@")
    if at:
        return f"{name[:1]}***@{domain}"
    return (phone(text) or "****") if text else ""
