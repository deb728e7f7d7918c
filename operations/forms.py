from typing import Any

from django import forms

from operations.context import Context


class OperationForm(forms.Form):
    """Base for the forms of operations: keeps the context as `self.ctx`. Any Form that takes `ctx` will do as well."""

    def __init__(self, *args: Any, ctx: Context, **kwargs: Any) -> None:
        self.ctx = ctx
        super().__init__(*args, **kwargs)
