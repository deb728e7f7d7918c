"""Form fields of money."""

from typing import Any

from django import forms

from core import money


class YuanField(forms.CharField):
    """An amount typed in yuan; cleaned to whole fen, or refused."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=15, widget=forms.TextInput(attrs={"inputmode": "decimal"}), **options)

    def clean(self, value: Any) -> int:
        text = super().clean(value)
        try:
            return money.parse_yuan(text)
        except money.BadAmount as error:
            raise forms.ValidationError(error.text, code=error.code) from error
