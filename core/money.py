"""Money: whole fen (1/100 yuan) in `int`, from the edge of the system to the database.

Text is parsed exactly or refused; nothing is rounded on the way in. `round_half_up` is the only rounding.
"""

import re
from fractions import Fraction

from django.utils.translation import gettext_lazy as _

from core.errors import HallError

MAX_CENTS = 99_999_999_999  # just below one billion yuan: above it a figure is a mistake, not a bill
_YUAN = re.compile(r"(?P<sign>-?)(?P<yuan>[0-9]{1,12})(?:\.(?P<cents>[0-9]{1,2}))?", re.ASCII)


class BadAmount(HallError):
    code = "BAD_AMOUNT"
    message = _("金额无法识别，请写成 26 或 26.00 这样的形式")


def parse_yuan(text: str, *, allow_negative: bool = False) -> int:
    """The fen that `text` (yuan, at most two decimals, ASCII digits, no separators) names.

    Raises BadAmount for anything else: signs of currency, thousands separators, exponents, full-width digits,
    a third decimal, NaN, or more than `MAX_CENTS`.
    """
    match = _YUAN.fullmatch(text)
    if match is None:
        raise BadAmount()
    cents = int(match["yuan"]) * 100 + int((match["cents"] or "0").ljust(2, "0"))
    if cents > MAX_CENTS:
        raise BadAmount()
    if match["sign"]:
        if not allow_negative and cents:
            raise BadAmount()
        cents = -cents
    return cents


def yuan(cents: int) -> str:
    """Plain yuan with two decimals, no sign of currency and no separators: what gateways and files want."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def display(cents: int) -> str:
    """What people read: ¥1,234.50."""
    sign = "-" if cents < 0 else ""
    return f"{sign}¥{abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def round_half_up(value: Fraction) -> int:
    """The nearest whole number of fen; a half goes away from zero."""
    doubled = 2 * value.numerator + (value.denominator if value >= 0 else -value.denominator)
    quotient = abs(doubled) // (2 * value.denominator)
    return quotient if value >= 0 else -quotient
