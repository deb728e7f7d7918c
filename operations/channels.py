"""渠道规范: what each channel must do, declared once. Whether it does is asked of the registry, not written down.

The group's part is the same everywhere; the province's part follows the region of the account that it is about. What
can be read off an operation is read here; that the channels really behave alike is shown by the conformance test,
which runs over all of STANDARDS.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import CodeType
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from core import clock
from operations import registry
from operations.context import ByClerk, Confirmation, Context
from operations.models import Channel
from operations.registry import Operation
from operations.services import evidence


class Part(models.TextChoices):
    GROUP = "GROUP", _("集团统一")
    PROVINCE = "PROVINCE", _("按省份区域")


@dataclass(frozen=True, slots=True)
class Standard:
    """One channel. `ways`: the addresses by which an operation is done there; none: the channel is not open yet.

    `slip`: where its customers read what became of it. `by_clerk`: staff act there for customers.
    """

    channel: Channel
    ways: tuple[str, ...] = ()
    slip: str = ""
    by_clerk: bool = False

    @property
    def is_open(self) -> bool:
        return bool(self.ways)


STANDARDS: tuple[Standard, ...] = (
    Standard(Channel.WEB, ("operations:form",), "operations:slip"),
    Standard(Channel.API, ("api:quote", "api:code", "api:submit"), "api:request"),
    Standard(Channel.COUNTER, ("operations:form",), "operations:slip", by_clerk=True),
    Standard(Channel.SMS),
    Standard(Channel.KIOSK),
    Standard(Channel.HOTLINE, by_clerk=True),
)
Verdict = bool | None  # None: does not apply to this operation on this channel


@dataclass(frozen=True, slots=True)
class Demand:
    """One line of the checklist. `needs_open`: nothing can be said of a channel that is not open."""

    code: str
    title: str | Promise
    part: Part
    is_met: Callable[[Standard, Operation], Verdict]
    needs_open: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A demand on a channel: which operations meet it, which do not, and to which it does not apply."""

    demand: Demand
    standard: Standard
    met: tuple[Operation, ...]
    unmet: tuple[Operation, ...]
    excused: tuple[Operation, ...]

    @property
    def is_unknown(self) -> bool:
        return self.demand.needs_open and not self.standard.is_open

    @property
    def tone(self) -> str:
        return "wait" if self.is_unknown else "bad" if self.unmet else "ok"


def checklist(operations: Iterable[Operation] | None = None) -> list[list[Line]]:
    """A row for each demand, in it a line for each of STANDARDS."""
    known = list(registry.everything() if operations is None else operations)
    return [[line(demand, standard, known) for standard in STANDARDS] for demand in DEMANDS]


def line(demand: Demand, standard: Standard, operations: Iterable[Operation]) -> Line:
    found: dict[Verdict, list[Operation]] = {True: [], False: [], None: []}
    for operation in operations:
        found[demand.is_met(standard, operation)].append(operation)
    return Line(demand, standard, tuple(found[True]), tuple(found[False]), tuple(found[None]))


def _is_offered(standard: Standard, operation: Operation) -> Verdict:
    """The customer's own are done by himself alone, the desk's own at the desk; all others everywhere."""
    if not _is_meant(standard, operation):
        return None
    if standard.by_clerk and operation.by_clerk is ByClerk.WITH_CODE:
        return _has_ways(standard, operation) and set(standard.ways) <= settings.SERVING_POSTS
    return _has_ways(standard, operation)


def _is_meant(standard: Standard, operation: Operation) -> bool:
    not_there = ByClerk.NEVER if standard.by_clerk else ByClerk.AT_DESK
    return operation.by_clerk is not not_there


def _has_ways(standard: Standard, operation: Operation) -> bool:
    return standard.is_open and all(_leads(way, operation.code) for way in standard.ways) and _page(operation)


def _page(operation: Operation) -> bool:
    return not operation.page_url_name or _leads(operation.page_url_name)


def _leads(name: str, *args: str) -> bool:
    try:
        reverse(name, args=args)
    except NoReverseMatch:
        return False
    return True


def _is_priced_alike(standard: Standard, operation: Operation) -> Verdict:
    return _never_asks_channel(operation, "quote")


def _is_refused_alike(standard: Standard, operation: Operation) -> Verdict:
    return _never_asks_channel(operation, "available", "lock", "account")


def _never_asks_channel(operation: Operation, *methods: str) -> Verdict:
    """What is the desk's own work is refused elsewhere: it may ask."""
    if operation.by_clerk is ByClerk.AT_DESK:
        return None
    return not any("channel" in _names(getattr(type(operation), name).__code__) for name in methods)


def _names(code: CodeType) -> set[str]:
    """What a function's own text names, inner functions included."""
    inner = (_names(each) for each in code.co_consts if isinstance(each, CodeType))
    return set(code.co_names).union(*inner)


def _is_confirmed(standard: Standard, operation: Operation) -> Verdict:
    """Never by less than the operation asks for, and by the customer's code wherever staff act for him."""
    if not _is_meant(standard, operation):
        return None
    is_desk = operation.by_clerk is ByClerk.AT_DESK
    served = User() if standard.by_clerk and not is_desk else None
    ctx = Context(AnonymousUser(), standard.channel, clock.now(), on_behalf_of=served)
    needed = evidence.needed(operation, ctx)
    least = Confirmation.SMS_CODE if served is not None else operation.confirmation
    return needed in (least, Confirmation.SMS_CODE)


def _leaves_slip(standard: Standard, operation: Operation) -> Verdict:
    """There is a page for what became of it, which staff who serve see as well."""
    if not _is_meant(standard, operation):
        return None
    if standard.by_clerk and operation.by_clerk is ByClerk.AT_DESK:
        return True  # on the desk's own receipt and the staff's page of slips
    is_shown = not standard.by_clerk or standard.slip in settings.SERVING_SHOWN
    return bool(standard.slip) and _leads(standard.slip, "B1") and is_shown


def _knows_region(standard: Standard, operation: Operation) -> Verdict:
    """It says of which account it is, so that slip, offers and prices are those of that account's region."""
    return True if type(operation).account is not Operation.account else None


DEMANDS: tuple[Demand, ...] = (
    Demand("OPERATIONS", _("同样的业务都能办"), Part.GROUP, _is_offered, needs_open=True),
    Demand("PRICE", _("同一价格，不因渠道而不同"), Part.GROUP, _is_priced_alike),
    Demand("REFUSAL", _("同样的受理条件和拒绝说明"), Part.GROUP, _is_refused_alike),
    Demand("CONFIRM", _("二次确认；代办凭客户验证码"), Part.GROUP, _is_confirmed),
    Demand("SLIP", _("每次办理留受理单，客户可查"), Part.GROUP, _leaves_slip, needs_open=True),
    Demand("REGION", _("按户号所在区域受理和计价"), Part.PROVINCE, _knows_region),
)


def of(channel: Any) -> Standard:
    """The standard of that channel; raises KeyError for one that customers do not use (BATCH)."""
    return {each.channel: each for each in STANDARDS}[channel]
