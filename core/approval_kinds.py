"""The kinds of work that need four eyes above a limit: what each is called, who may do it, how much one may do alone.

See core.approvals, which rooms use; this is its register.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.utils.functional import Promise

from core.actor import Actor

DAY_IS_LIMIT_TIMES = 10  # what one person may move alone in a day, where a kind does not say


class CarryOut(Protocol):
    """Does the work; returns the sentence that tells what was done. `actor` is who asked for it."""

    def __call__(
        self,
        *,
        subject_id: str,
        amount_cents: int,
        data: dict[str, Any],
        actor: Actor,
        reason: str,
        as_of: datetime,
    ) -> str | Promise: ...


class CheckPerson(Protocol):
    """Raises HallError when this person must not have to do with the object, as who asks or as who decides."""

    def __call__(self, *, actor: Actor, subject_id: str, data: dict[str, Any]) -> None: ...


class MayAlone(Protocol):
    """Whether this person may carry it out alone at all; else a second person decides, however small the amount."""

    def __call__(self, *, actor: Actor, subject_id: str, data: dict[str, Any], as_of: datetime) -> bool: ...


def _anybody(*, actor: Actor, subject_id: str, data: dict[str, Any]) -> None:
    """Nobody is refused."""


def _always(*, actor: Actor, subject_id: str, data: dict[str, Any], as_of: datetime) -> bool:
    return True


@dataclass(frozen=True)
class Kind:
    name: str
    title: str | Promise
    permission: str  # who may ask for it
    approve_permission: str  # who may decide it
    limit: Callable[[], int]  # fen that one person may move alone for one object
    day_limit: Callable[[], int]  # fen that one person may move alone in a day, all objects together
    carry_out: CarryOut
    describe: Callable[[dict[str, Any]], str | Promise]  # what the data mean, for whoever decides
    check_person: CheckPerson
    may_alone: MayAlone
    has_amount: bool  # False: about no money, and submitted with 0


_kinds: dict[str, Kind] = {}


def kind(
    name: str,
    *,
    title: str | Promise,
    permission: str,
    approve_permission: str,
    limit: Callable[[], int],
    day_limit: Callable[[], int] | None = None,
    describe: Callable[[dict[str, Any]], str | Promise] = lambda data: "",
    check_person: CheckPerson = _anybody,
    may_alone: MayAlone = _always,
    has_amount: bool = True,
) -> Callable[[CarryOut], CarryOut]:
    """Declares the decorated function as what carries out `name`."""

    def register(carry_out: CarryOut) -> CarryOut:
        if name in _kinds:
            raise ValueError(f"two kinds of approval named {name}")
        _kinds[name] = Kind(
            name=name,
            title=title,
            permission=permission,
            approve_permission=approve_permission,
            limit=limit,
            day_limit=day_limit or (lambda: DAY_IS_LIMIT_TIMES * limit()),
            carry_out=carry_out,
            describe=describe,
            check_person=check_person,
            may_alone=may_alone,
            has_amount=has_amount,
        )
        return carry_out

    return register


def find(name: str) -> Kind | None:
    return _kinds.get(name)


def kinds() -> list[Kind]:
    return sorted(_kinds.values(), key=lambda each: each.name)


def decidable(user: Any) -> list[Kind]:
    """The kinds that this user may decide."""
    return [each for each in kinds() if user.has_perm(each.approve_permission)]
