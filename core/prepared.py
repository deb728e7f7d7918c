"""Querysets that are built and compiled once, for the few reads that stand on the way of every page.

Building a query costs Django more than PostgreSQL needs to answer it. What a prepared read asks still stands in one
place, as a queryset; only its SQL is kept.

    _OPEN = Prepared(lambda user: Dispute.objects.filter(raised_by_id=user).order_by("id"), user=int)
    _OPEN.rows(user=7)      what list(…) of that queryset gives
    _OPEN.exists(user=7)    what its .exists() gives

The function is called once, with examples of its values, so it must not decide by them; the SQL must hold each value
as it is given. `core.rows` is for SQL that no queryset can say. Prefetches are not supported.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.db.models.query import get_related_populators

M = TypeVar("M", bound=models.Model)

# An example of each kind that no queryset holds by itself; which one it is, is added.
_EXAMPLES: dict[type, Callable[[int], Any]] = {
    int: lambda place: 2_111_222_300 + place,
    str: lambda place: f"\x01{place}\x01",
    date: lambda place: date(1801, 1, 1 + place),
    datetime: lambda place: datetime(1801, 1, 1 + place, tzinfo=UTC),
    list: lambda place: [f"\x01{place}\x01"],
}


def any_of(name: str, texts: Sequence[str]) -> models.Func:
    """`filter(any_of("code", codes))` is `filter(code__in=codes)` with one value, however many codes there are."""
    return models.Func(
        models.F(name),
        models.Value(list(texts), output_field=ArrayField(models.TextField())),
        arg_joiner=" = ANY (",
        template="%(expressions)s)",
        output_field=models.BooleanField(),
    )


class Prepared(Generic[M]):
    """A read whose values are named, with their types: int, str, date, datetime; list of texts (see `any_of`)."""

    def __init__(self, build: Callable[..., models.QuerySet[M]], **kinds: type) -> None:
        self._build = build
        self._examples = {name: _EXAMPLES[kind](place) for place, (name, kind) in enumerate(kinds.items())}

    def rows(self, **values: Any) -> list[M]:
        """All of them, with what `select_related` and `annotate` name."""
        plan = self._rows_plan
        with connection.cursor() as cursor:
            cursor.execute(plan.statement.sql, plan.statement.filled(values))
            return [plan.make(row) for row in cursor.fetchall()]

    def first(self, **values: Any) -> M | None:
        """For reads of one row, by its key."""
        return next(iter(self.rows(**values)), None)

    def exists(self, **values: Any) -> bool:
        statement = self._exists_statement
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, statement.filled(values))
            return cursor.fetchone() is not None

    @cached_property
    def _rows_plan(self) -> "_Plan":
        found = self._build(**self._examples)
        compiler = found.query.get_compiler(using=connection.alias)
        statement = _statement(compiler.as_sql(), self._examples)
        select, info = compiler.select or [], compiler.klass_info
        columns = info["select_fields"]
        converters = compiler.get_converters([column[0] for column in select])
        return _Plan(
            statement=statement,
            model=found.model,
            begin=columns[0],
            end=columns[-1] + 1,
            names=[column[0].target.attname for column in select[columns[0] : columns[-1] + 1]],
            related=get_related_populators(info, select, connection.alias),  # type: ignore[call-arg]  # the stubs are of a later Django
            annotations=tuple((compiler.annotation_col_map or {}).items()),
            converters=tuple((place, *pair) for place, pair in converters.items()),
        )

    @cached_property
    def _exists_statement(self) -> "_Statement":
        query = self._build(**self._examples).query.exists()
        return _statement(query.get_compiler(using=connection.alias).as_sql(), self._examples)


def each_exists(*asked: tuple[Prepared[Any], dict[str, Any]]) -> list[bool]:
    """What `exists` gives for each of these reads with its values, in one statement."""
    statements = [(read._exists_statement, values) for read, values in asked]
    sql = "SELECT " + ", ".join(f"EXISTS ({statement.sql})" for statement, _values in statements)
    parameters = [each for statement, values in statements for each in statement.filled(values)]
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchone())


@dataclass(frozen=True, slots=True)
class _Statement:
    sql: str
    parameters: tuple[Any, ...]
    places: tuple[tuple[int, str], ...]  # where in the parameters which value stands

    def filled(self, values: dict[str, Any]) -> list[Any]:
        """A value that is not named is a mistake: KeyError."""
        parameters = list(self.parameters)
        for place, name in self.places:
            parameters[place] = values[name]
        return parameters


def _statement(compiled: tuple[str, Sequence[Any]], examples: dict[str, Any]) -> _Statement:
    sql, given = compiled
    names = {str(example): name for name, example in examples.items()}
    places = tuple((place, names[str(value)]) for place, value in enumerate(given) if _is_in(value, examples))
    if missing := set(examples) - {name for _place, name in places}:
        raise ValueError(f"the SQL does not hold {', '.join(sorted(missing))} as it was given")
    return _Statement(sql, tuple(given), places)


def _is_in(value: Any, examples: dict[str, Any]) -> bool:
    return type(value) in _EXAMPLES and value in examples.values()


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a row becomes an object: as Django's own ModelIterable does it."""

    statement: _Statement
    model: type[models.Model]
    begin: int
    end: int
    names: list[str]
    related: Sequence[Any]
    annotations: tuple[tuple[str, int], ...]
    converters: tuple[tuple[int, Sequence[Any], Any], ...]

    def make(self, given: Sequence[Any]) -> Any:
        row = list(given)
        for place, converters, expression in self.converters:
            for convert in converters:
                row[place] = convert(row[place], expression, connection)
        made = self.model.from_db(connection.alias, self.names, row[self.begin : self.end])
        for populator in self.related:
            populator.populate(row, made)
        for name, place in self.annotations:
            setattr(made, name, row[place])
        return made
