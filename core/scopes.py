"""Where somebody may see or do something: the hook between the staff pages and the room that knows regions and posts.

A row lies in a region by its admin page's `region_path`: a lookup ("account__region"), several of which one is enough,
a condition (`Where`) for what no lookup can say, None for what only staff of the whole operator see, or EVERYWHERE
for what is nobody's in particular.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet

M = TypeVar("M", bound=Model)
Sight = Callable[[QuerySet[Any]], QuerySet[Any]]  # leaves the rows that somebody may look at


@dataclass(frozen=True, slots=True)
class Scope:
    """`region_ids` may stand behind `__in` and is empty where nothing is granted; unused when `is_everything`."""

    is_everything: bool
    region_ids: Any = ()
    recipients: Any = ()  # the refs ("account:…") of those who live there, as notices name them
    roots: tuple[int, ...] = ()  # the highest regions of it

    @property
    def is_empty(self) -> bool:
        return not self.is_everything and not self.roots


EVERYTHING = Scope(is_everything=True)
NOWHERE = Scope(is_everything=False)


class Everywhere:
    """The rows are nobody's in particular: whoever may look sees all of them."""

    def __repr__(self) -> str:
        return "EVERYWHERE"


EVERYWHERE: Final = Everywhere()


@dataclass(frozen=True, slots=True)
class Where:
    """A path for what no lookup can say: the condition under which a row lies in a scope."""

    condition: Callable[[Scope], Q]


Path = str | tuple[str, ...] | None | Everywhere | Where
Provider = Callable[[Any, tuple[str, ...]], Scope]
_provider: list[Provider] = []


def provide(provider: Provider) -> None:
    """Called once, by the room that knows posts: the scope in which a user holds any of these permissions."""
    _provider[:] = [provider]


Places = Callable[[set[str]], dict[str, str]]
_places: list[Places] = []


def provide_places(find: Places) -> None:
    """Called once, by the room that knows regions: the names of the regions in which recipients live, by their refs."""
    _places[:] = [find]


def places(refs: set[str]) -> dict[str, str]:
    """Where these recipients ("account:…") live; who lives nowhere in particular is left out."""
    return _places[0](refs) if _places else {}


def of(user: Any, *permissions: str) -> Scope:
    """Where this user holds one of these permissions ("billing.view_bill"); NOWHERE for strangers."""
    return _provider[0](user, permissions) if _provider else NOWHERE


def within(scope: Scope, path: Path) -> Q | None:
    """The condition under which a row of that path lies in the scope; None when all do."""
    if scope.is_everything or isinstance(path, Everywhere):
        return None
    if path is None or scope.is_empty:
        return Q(pk__in=[])
    if isinstance(path, Where):
        return path.condition(scope)
    found = Q()
    for each in (path,) if isinstance(path, str) else path:
        found |= Q(**{f"{each}__in": scope.region_ids})
    return found


def narrow(rows: QuerySet[M], path: Path, scope: Scope) -> QuerySet[M]:
    """Those of the rows that lie in the scope."""
    condition = within(scope, path)
    return rows if condition is None else rows.filter(condition)


def covers(scope: Scope, region_id: int | None) -> bool:
    """Whether what lies in that region (None: in none) is within the scope."""
    if scope.is_everything:
        return True
    return not scope.is_empty and region_id is not None and scope.region_ids.filter(pk=region_id).exists()


def by_recipient(lookup: str) -> Where:
    """A path for what names its people by a ref ("account:…") alone: it lies where they do."""
    return Where(lambda scope: Q(**{f"{lookup}__in": scope.recipients}))


def path_of(model: type[Model]) -> Path:
    """The path that the model's staff page names; None without a page."""
    return getattr(admin.site._registry.get(model), "region_path", None)


def seen(user: Any, rows: QuerySet[M], path: Path | None = None) -> QuerySet[M]:
    """Those of the rows that this member of staff may look at. `path`: where the model's own says nothing."""
    meta = rows.model._meta
    scope = of(user, *(f"{meta.app_label}.{verb}_{meta.model_name}" for verb in ("view", "change")))
    return narrow(rows, path_of(rows.model) if path is None else path, scope)


def sight(user: Any) -> Sight:
    """What leaves of any rows those that this member of staff may look at."""
    return lambda rows: seen(user, rows)


def everything(rows: QuerySet[M]) -> QuerySet[M]:
    """For readers who ask nobody: figures for machines, jobs."""
    return rows


def region_of(label: str, key: object) -> int | None:
    """The region in which that object ("billing.Bill", pk) lies; None when in none, or when nobody can tell."""
    try:
        model = apps.get_model(label)
        key = model._meta.pk.to_python(key)
    except (LookupError, ValueError, ValidationError):  # no such model, or a key of another kind
        return None
    path = path_of(model)
    column = path[0] if isinstance(path, tuple) else path
    if not isinstance(column, str):
        return None
    found: int | None = model._base_manager.filter(pk=key).values_list(column, flat=True).first()
    return found
