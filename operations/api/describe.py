"""An operation's form as plain values, so that a client can draw it without knowing it."""

from collections.abc import Iterable
from itertools import islice
from typing import Any, cast

from django import forms

from operations import inputs
from operations.context import Context
from operations.registry import Operation

MOST_CHOICES = 500
_TYPES: tuple[tuple[type[forms.Field], str], ...] = (
    (forms.MultipleChoiceField, "choices"),
    (forms.ModelMultipleChoiceField, "choices"),
    (forms.ChoiceField, "choice"),
    (forms.ModelChoiceField, "choice"),
    (forms.BooleanField, "boolean"),
    (forms.DecimalField, "decimal"),
    (forms.IntegerField, "integer"),
    (forms.DateTimeField, "datetime"),
    (forms.DateField, "date"),
    (forms.EmailField, "email"),
    (forms.JSONField, "json"),
)


def describe(operation: Operation, ctx: Context) -> dict[str, Any]:
    """Code, version, texts, confirmation and fields."""
    form = inputs.make_form(operation, ctx)
    return {
        "code": operation.code,
        "version": operation.version,
        "title": str(operation.title),
        "summary": str(operation.summary),
        "confirmation": operation.confirmation.value,
        "fields": [describe_field(form, name) for name in form.fields],
    }


def describe_field(form: forms.Form, name: str) -> dict[str, Any]:
    """What a client must know of one field; `choices` is null where any value may be given."""
    field, bound = form.fields[name], form[name]
    return {
        "name": name,
        "type": field_type(field),
        "label": str(bound.label),
        "help_text": str(field.help_text),
        "required": field.required,
        "max_length": getattr(field, "max_length", None),
        "initial": inputs.plain(bound.value()),
        "choices": _choices(field),
    }


def field_type(field: forms.Field) -> str:
    return next((name for kind, name in _TYPES if isinstance(field, kind)), "text")


def _choices(field: forms.Field) -> list[dict[str, str]] | None:
    if not isinstance(field, forms.ChoiceField | forms.ModelChoiceField):
        return None
    return [
        {"value": str(value), "label": str(label)}
        for value, label in islice(_flat(cast(Iterable[tuple[Any, Any]], field.choices)), MOST_CHOICES)
        if str(value)
    ]


def _flat(choices: Iterable[tuple[Any, Any]]) -> Iterable[tuple[Any, Any]]:
    """Choices without their groups."""
    for value, label in choices:
        if isinstance(label, list | tuple):
            yield from label
        else:
            yield value, label
