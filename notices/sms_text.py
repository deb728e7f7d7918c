"""How long a text is as an SMS, and in how many parts it goes (3GPP TS 23.038): what staff pay for."""

from dataclasses import dataclass
from enum import StrEnum

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")  # each takes two places


class Encoding(StrEnum):
    GSM = "GSM-7"
    UCS2 = "UCS-2"


_ONE = {Encoding.GSM: 160, Encoding.UCS2: 70}  # a text of its own
_MANY = {Encoding.GSM: 153, Encoding.UCS2: 67}  # a part of several


@dataclass(frozen=True, slots=True)
class Size:
    """`length` counts places of the encoding: an emoji takes two of UCS-2, a bracket two of GSM-7."""

    encoding: Encoding
    length: int
    parts: int


def size(text: str) -> Size:
    """Of a text as it is sent; one that is empty has no part."""
    is_gsm = all(each in _BASIC or each in _EXTENDED for each in text)
    encoding = Encoding.GSM if is_gsm else Encoding.UCS2
    places = [_places(each, encoding) for each in text]
    return Size(encoding, sum(places), _parts(places, encoding))


def _places(character: str, encoding: Encoding) -> int:
    if encoding is Encoding.GSM:
        return 2 if character in _EXTENDED else 1
    return 2 if ord(character) > 0xFFFF else 1


def _parts(places: list[int], encoding: Encoding) -> int:
    """A character of two places is never cut in two, so that a part may stay one short."""
    if sum(places) <= _ONE[encoding]:
        return 1 if places else 0
    parts, room = 1, _MANY[encoding]
    for each in places:
        if each > room:
            parts, room = parts + 1, _MANY[encoding]
        room -= each
    return parts
