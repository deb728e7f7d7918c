"""Business operations, declared once. Registering one is all that is needed for it to appear on every channel."""

import re
from abc import ABC, abstractmethod
from dataclasses import replace
from itertools import islice
from typing import Any, ClassVar, TypeVar

from django import forms
from django.utils.functional import Promise

from accounts.models import BillingAccount
from core.errors import NotFound
from operations.context import ByClerk, Confirmation, Context
from operations.quotes import Done, Pending, Quote

_CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


class Operation(ABC):
    """One thing that a customer can have done. Instances hold no state: one serves all threads."""

    code: ClassVar[str]  # e.g. "bill.pay"; never changes once published
    version: ClassVar[int] = 1  # raised when the meaning of its data changes
    title: ClassVar[str | Promise]
    summary: ClassVar[str | Promise] = ""
    icon: ClassVar[str] = "requests"  # a symbol of static/img/icons.svg
    order: ClassVar[int] = 100  # smaller comes first in lists
    form_class: ClassVar[type[forms.Form]]  # takes the keyword `ctx`
    confirmation: ClassVar[Confirmation] = Confirmation.CLICK
    secret_fields: ClassVar[tuple[str, ...]] = ()  # fields of the form that are never kept on a slip
    takes_money: ClassVar[bool] = False  # a token of the open interface needs the scope "pay" for it
    address_is_secret: ClassVar[bool] = False  # not even the masked address of the code may be told
    by_clerk: ClassVar[ByClerk] = ByClerk.WITH_CODE
    is_evidence: ClassVar[bool] = (
        False  # the database reads on its slip how it was confirmed, while it is carried out
    )
    needs_login: ClassVar[bool] = False  # of no use to a customer who has no login of his own
    page_url_name: ClassVar[str] = ""  # a hand-made page instead of the generic form, e.g. "billing:pay"

    def available(self, ctx: Context) -> bool:
        """Whether this user may use the operation at all; asked again when he submits."""
        return True

    @abstractmethod
    def quote(self, ctx: Context, data: dict[str, Any]) -> Quote:
        """The promise for the form's cleaned data. Reads only; raises HallError when it cannot be had."""

    @abstractmethod
    def perform(self, ctx: Context, data: dict[str, Any], quote: Quote) -> Done | Pending:
        """Carries the operation out, inside the transaction of its slip. A HallError undoes it and refuses the slip."""

    def lock(self, ctx: Context, data: dict[str, Any]) -> None:
        """Takes the row locks under which the quote is made again just before `perform`."""
        return None

    def confirmation_address(self, ctx: Context, data: dict[str, Any]) -> str:
        """Where the code goes (E.164), for SMS_CODE. "": nowhere, and the caller may not learn that."""
        return ""

    def confirmation_target(self, ctx: Context, data: dict[str, Any]) -> str:
        """What the caller named when the address is secret, e.g. "account:8100000001": requests are limited by it."""
        return ""

    def account(self, ctx: Context, data: dict[str, Any]) -> BillingAccount | None:
        """The billing account it is about, for the slip's region and customer."""
        return None


_operations: dict[str, Operation] = {}
O = TypeVar("O", bound=Operation | type[Operation])  # noqa: E741


def register(operation: O) -> O:
    """Registers an Operation class or instance (usable as a decorator). The same code twice is a mistake."""
    instance = operation() if isinstance(operation, type) else operation
    if not _CODE.fullmatch(instance.code):
        raise ValueError(f"operation code {instance.code!r} is not of the form noun.verb")
    if instance.code in _operations:
        raise ValueError(f"two operations with the code {instance.code}")
    _operations[instance.code] = instance
    return operation


def unregister(code: str) -> None:
    """Takes an operation away again (a test's toy)."""
    del _operations[code]


def get(code: str) -> Operation:
    """The operation of that code; raises NotFound."""
    try:
        return _operations[code]
    except KeyError:
        raise NotFound() from None


def find(code: str) -> Operation | None:
    """The operation of that code, or None: slips outlive the operations that they are about."""
    return _operations.get(code)


def everything() -> list[Operation]:
    return sorted(_operations.values(), key=lambda operation: (operation.order, operation.code))


def available(
    ctx: Context, *, most: int | None = None, known: dict[str, bool] | None = None
) -> list[Operation]:
    """What this user can have done, in the order to show it; the first `most` only, and only these are asked.

    `known` answers beforehand what they ask by `Context.once`.
    """
    asked = replace(ctx.as_customer(), known=dict(known or {}))
    return list(islice((operation for operation in everything() if operation.available(asked)), most))
