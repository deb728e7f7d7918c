"""From what a channel brought (a QueryDict, or decoded JSON) to the operation's own form, alike for all channels."""

import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, cast

from django import forms
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _

from core.errors import HallError
from operations.context import Context
from operations.registry import Operation

FieldErrors = dict[str, list[str]]


class InvalidInput(HallError):
    """What was filled in does not pass the form. `fields`: messages per field, "__all__" for the form as a whole."""

    code = "INVALID_INPUT"
    message = _("填写的内容有误，请检查后再提交")
    status = 422

    def __init__(self, *, form: forms.Form) -> None:
        super().__init__()
        self.form = form

    @property
    def fields(self) -> FieldErrors:
        return {name: [str(error) for error in errors] for name, errors in self.form.errors.items()}


def make_form(
    operation: Operation, ctx: Context, raw: Mapping[str, Any] | None = None, **kwargs: Any
) -> forms.Form:
    """The operation's form, bound when `raw` is given."""
    make = cast(Callable[..., forms.Form], operation.form_class)
    if raw is None:
        return make(ctx=ctx, **kwargs)
    return make(as_posted(raw), ctx=ctx, **kwargs)


def validate(operation: Operation, ctx: Context, raw: Mapping[str, Any]) -> forms.Form:
    """The bound form, valid; raises InvalidInput otherwise."""
    form = make_form(operation, ctx, raw)
    _single_values(form)
    if not form.is_valid():
        raise InvalidInput(form=form)
    return form


def as_posted(raw: Mapping[str, Any]) -> MultiValueDict[str, str]:
    """The values as a browser would have posted them, so that forms see one shape: text, or several texts."""
    if isinstance(raw, MultiValueDict):
        return MultiValueDict({name: list(raw.getlist(name)) for name in raw})
    return MultiValueDict({name: _texts(value) for name, value in raw.items() if value is not None})


def input_hash(raw: Mapping[str, Any], *, quote_digest: str, confirmation: Mapping[str, str]) -> str:
    """Tells a repeated request from another one. Keyed, because codes and passwords are short enough to be guessed."""
    posted = as_posted(raw)
    parts = [
        sorted((name, posted.getlist(name)) for name in posted),
        quote_digest,
        sorted(confirmation.items()),
    ]
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return salted_hmac("operations.slip.input", text, algorithm="sha256").hexdigest()


def kept(operation: Operation, cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """What a slip keeps of the form's data: plain JSON, secret fields left out."""
    return {name: plain(value) for name, value in cleaned.items() if name not in operation.secret_fields}


def plain(value: Any) -> Any:
    """A cleaned value as JSON; model rows by their public number."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, date):  # datetime too
        return value.isoformat()
    if isinstance(value, models.Model):
        names = (getattr(value, name, "") for name in ("number", "reference", "code"))
        return str(next((name for name in names if name), value.pk))
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | models.QuerySet):
        return [plain(item) for item in value]
    return str(value)


def _texts(value: Any) -> list[str]:
    if isinstance(value, list) and all(_is_scalar(item) for item in value):
        return [_text(item) for item in value]
    return [_text(value)]


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | bool | int | float | Decimal)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if _is_scalar(value) else json.dumps(value, ensure_ascii=False)


def _single_values(form: forms.Form) -> None:
    """A list for a field of one value stays a list (as JSON text): its last item must not be taken for the answer."""
    data = cast(MultiValueDict[str, str], form.data)
    for name, field in form.fields.items():
        given = data.getlist(form.add_prefix(name))
        if len(given) > 1 and not getattr(field.widget, "allow_multiple_selected", False):
            data[form.add_prefix(name)] = json.dumps(given, ensure_ascii=False)
