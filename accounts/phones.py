"""Phone numbers: what people type becomes E.164 or is refused; what is shown is masked."""

import re

import phonenumbers
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core.errors import HallError
from core.masks import phone as mask

__all__ = ["BadPhone", "mask", "normalise"]

_INVISIBLE = dict.fromkeys([0x200B, 0x200C, 0x200D, 0xFEFF, *range(0x200E, 0x2010), *range(0x202A, 0x202F),
                            *range(0x2060, 0x2065), *range(0x2066, 0x206A)])  # fmt: skip
_FULL_WIDTH = {0xFF10 + digit: str(digit) for digit in range(10)} | {0xFF0B: "+", 0xFF0D: "-", 0x3000: " "}
_DASHES = dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-")
_CLEAN = str.maketrans(_INVISIBLE | _FULL_WIDTH | _DASHES | {0xA0: " "})
_TYPED = re.compile(
    r"\+?[0-9][0-9 \-]{0,30}"
)  # no letters, extensions, second numbers, area code in brackets


class BadPhone(HallError):
    code = "BAD_PHONE"
    message = _("请填写 11 位手机号")


def normalise(text: str) -> str:
    """The E.164 form ("+8613800000001") of a mobile number as people type it; raises BadPhone.

    Without a country code it is Chinese. Spaces, dashes, full-width digits, +86, 86 and 0086 are understood.
    Countries other than those of the setting PHONE_REGIONS are refused, since every number costs a message.
    """
    typed = text.translate(_CLEAN).strip()
    if not _TYPED.fullmatch(typed):
        raise BadPhone()
    try:
        number = phonenumbers.parse(re.sub(r"^00", "+", typed), "CN")
    except phonenumbers.NumberParseException:
        raise BadPhone() from None
    if not _is_mobile(number):
        raise BadPhone()
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _is_mobile(number: phonenumbers.PhoneNumber) -> bool:
    mobile = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)
    region = phonenumbers.region_code_for_number(number)
    return region in settings.PHONE_REGIONS and phonenumbers.number_type(number) in mobile
