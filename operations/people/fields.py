"""Fields that the operations about people share."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django import forms
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from accounts import references
from accounts.models import BillingAccount
from accounts.rules import Action
from accounts.selectors import accounts
from operations.context import Context

M = TypeVar("M", bound=Model)


def account_field(**kwargs: Any) -> forms.ModelChoiceField[BillingAccount]:
    """An account by its number; `offer` says which."""
    return forms.ModelChoiceField(
        label=_("户号"),
        queryset=BillingAccount.objects.none(),
        to_field_name="number",
        empty_label=None,
        **kwargs,
    )


def offer(form: forms.Form, ctx: Context, action: Action) -> None:
    """The form's accounts are those on which this customer may do that."""
    field = form.fields["account"]
    assert isinstance(field, forms.ModelChoiceField)
    field.queryset = accounts.where(ctx.served, action)


class RowField(forms.ChoiceField):
    """One of some rows, by a keyed reference; its cleaned value is the row."""

    def __init__(self, **kwargs: Any) -> None:
        self._rows: dict[str, Model] = {}
        super().__init__(**kwargs)

    def offer(self, rows: Iterable[M], label: Callable[[M], str]) -> None:
        found = {references.of(row): row for row in rows}
        self._rows = dict(found)
        self.choices = [(reference, label(row)) for reference, row in found.items()]

    def clean(self, value: Any) -> Any:
        """The row, or None where none is required and none was given."""
        return self._rows.get(super().clean(value))


def hide(form: forms.Form, *names: str) -> None:
    """These fields are of no use this time: they stay in the form, and out of sight."""
    for name in names:
        form.fields[name].required = False
        form.fields[name].widget = forms.HiddenInput()
