"""What the hall tells people: each kind of notice is declared once, by the room that tells it.

Rooms do so in their `notice_kinds.py` (found as their admin.py is). A kind says what it is for, which variables its
texts may use, and how it is sent; the texts themselves are `Template` rows, which staff write.

LEGAL notices are needed by law or contract, SERVICE notices belong to what the customer has: neither is ever stopped.
MARKETING goes only to who agreed to it, and its text names the way out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.errors import Forbidden
from notices.models import Channel

WAY_OUT_NAME = "way_out"  # the variable that says how to get no more of it


class Purpose(StrEnum):
    """Why somebody is told something."""

    LEGAL = "LEGAL"
    SERVICE = "SERVICE"
    MARKETING = "MARKETING"


PURPOSES: Mapping[str, str | Promise] = {
    Purpose.LEGAL: _("法定或约定的通知"),
    Purpose.SERVICE: _("服务通知"),
    Purpose.MARKETING: _("营销信息"),
}


class UnknownKind(LookupError):
    """No room declares a kind of this code: a fault of the caller."""


class ConsentNeeded(Forbidden):
    code = "CONSENT_NEEDED"
    message = _("营销信息只能发给同意接收的客户")


@dataclass(frozen=True, slots=True)
class Variable:
    """A name that the texts of a kind may use; `sample` stands for its value in a preview.

    `is_private`: its value leads back to a person or opens something; a preview shows the sample instead.
    """

    name: str
    meaning: str | Promise
    sample: str | Promise
    is_private: bool = False


ACCOUNT_TAIL = Variable("account_tail", _("户号后四位"), "0001")
AMOUNT = Variable("amount", _("金额"), "¥26.00")
CODE = Variable("code", _("验证码"), "482913", is_private=True)
DAY = Variable("day", _("日期"), "2026-12-01")
DAYS = Variable("days", _("天数"), "7")
HELP_LINE = Variable("help_line", _("客服电话"), "10000")
HOURS = Variable("hours", _("小时数"), "24")
MINUTES = Variable("minutes", _("分钟数"), "5")
NUMBER = Variable("number", _("单号"), "S202612010001")
UNTIL = Variable("until", _("截止日期"), "2026-12-08")
URL = Variable("url", _("网址"), "https://hall.example.com/", is_private=True)
WAY_OUT = Variable(WAY_OUT_NAME, _("退订办法"), "https://hall.example.com/me/consents/", is_private=True)
WHAT = Variable("what", _("业务名称"), _("高清互动套餐"))

PHONE_AND_MAIL: tuple[Channel, ...] = (Channel.SMS, Channel.EMAIL, Channel.INBOX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`code` is that of its templates. A smaller `priority` goes first; `is_urgent` passes the quiet hours.

    `channels` are those that it has texts for. `fallback_after`: how long to wait for a receipt before another way is
    tried; None: no other way is. `is_current` (id of a message, as of when) says whether it still holds when another
    way is due; None: it always does. `right` is what somebody needs on an account to read its copy, as the room that
    knows customers names it (accounts.rules.Action); "": whoever sees the account.
    """

    code: str
    title: str | Promise
    purpose: Purpose
    variables: Sequence[Variable] = ()
    channels: Sequence[Channel] = (Channel.SMS,)
    is_urgent: bool = False
    is_secret: bool = False
    priority: int = 5
    fallback_after: timedelta | None = None
    is_current: Callable[[int, datetime], bool] | None = None
    right: str = ""

    def __post_init__(self) -> None:
        if len({each.name for each in self.variables}) != len(self.variables):
            raise ValueError(f"{self.code}: a variable is named twice")
        if self.is_marketing and WAY_OUT_NAME not in self.names:
            raise ValueError(f"{self.code}: marketing without a way out")

    @property
    def names(self) -> frozenset[str]:
        """What its texts may use."""
        return frozenset(each.name for each in self.variables)

    @property
    def is_marketing(self) -> bool:
        return self.purpose == Purpose.MARKETING

    @property
    def is_legal(self) -> bool:
        return self.purpose == Purpose.LEGAL

    @property
    def samples(self) -> dict[str, str]:
        """A value for each variable, in the language that is active."""
        return {each.name: str(each.sample) for each in self.variables}


_kinds: dict[str, Kind] = {}


def declare(*declared: Kind) -> None:
    """Adds kinds; the same code twice is a mistake."""
    for kind in declared:
        if kind.code in _kinds:
            raise ValueError(f"two kinds of notice with the code {kind.code}")
        _kinds[kind.code] = kind


def withdraw(code: str) -> None:
    """Takes a kind away again (a test's toy)."""
    del _kinds[code]


def find(code: str) -> Kind | None:
    """The kind of that code, or None: messages outlive the kinds that they are of."""
    return _kinds.get(code)


def get(code: str) -> Kind:
    """The kind of that code; raises UnknownKind."""
    try:
        return _kinds[code]
    except KeyError:
        raise UnknownKind(code) from None


def everything() -> list[Kind]:
    return sorted(_kinds.values(), key=lambda kind: kind.code)


def permit(code: str, consent: str = "") -> None:
    """Raises ConsentNeeded for marketing without the evidence of a consent; never stops anything else."""
    kind = find(code)
    if kind is not None and kind.is_marketing and not consent:
        raise ConsentNeeded()
