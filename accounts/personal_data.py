"""What the hall holds on a user, room by room: each room names its own part here, and the copy for him has all.

    @personal_data.section("bills")
    def bills(user: User) -> Iterator[Record]: …

And what keeps a login from being closed:

    @personal_data.obstacle
    def debts(user: User, *, as_of: datetime) -> list[Obstacle]: …
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise

from accounts.models import User

Record = dict[str, Any]  # plain JSON values; amounts in fen, times as ISO
Collect = Callable[[User], Iterable[Record]]
_sections: dict[str, Collect] = {}


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a login cannot be closed now: `code` for reports, `text` for the user, who can do something about it."""

    code: str
    text: str | Promise


FindObstacles = Callable[..., Sequence[Obstacle]]
_obstacles: list[FindObstacles] = []


def section(name: str) -> Callable[[Collect], Collect]:
    """Registers a part of the copy under a name that stays; the same name twice is a mistake."""

    def register(collect: Collect) -> Collect:
        if name in _sections:
            raise ValueError(f"two sections named {name}")
        _sections[name] = collect
        return collect

    return register


def section_names() -> list[str]:
    return sorted(_sections)


def everything(user: User) -> dict[str, list[Record]]:
    """All that is held on the user, by section."""
    return {name: list(_sections[name](user)) for name in section_names()}


def obstacle(find: FindObstacles) -> FindObstacles:
    """Registers what is asked before a login is closed, and again when its days are over."""
    _obstacles.append(find)
    return find


def obstacles(user: User, *, as_of: datetime) -> list[Obstacle]:
    """Everything that stands in the way of closing this login, each named; nothing: it can be closed."""
    return [found for find in _obstacles for found in find(user, as_of=as_of)]
