from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from accounts.models import Region
from core import money
from resources.models import NumberClass
from resources.selectors import numbers
from resources.selectors.numbers import Wish

_DIGITS = RegexValidator(r"^[0-9]*$", _("只填数字"))
_ANY = _("不限")
ENDINGS = (
    ("AA", _("两连号 AA")),
    ("AAA", _("三连号 AAA")),
    ("AAAA", _("四连号 AAAA")),
    ("AABB", _("对号 AABB")),
    ("ABAB", _("重复号 ABAB")),
    ("ABC", _("三顺号 ABC")),
    ("ABCD", _("四顺号 ABCD")),
)


class FindForm(forms.Form):
    """What somebody looks for among the numbers; everything may be left empty."""

    ends_with = forms.CharField(label=_("尾数是"), max_length=8, required=False, validators=[_DIGITS])
    anywhere = forms.CharField(label=_("含有数字"), max_length=8, required=False, validators=[_DIGITS])
    pattern = forms.ChoiceField(label=_("尾号规律"), required=False, choices=[("", _ANY), *ENDINGS])
    region = forms.ModelChoiceField(
        label=_("地区"),
        queryset=Region.objects.none(),
        required=False,
        empty_label=_ANY,
        to_field_name="code",
    )
    number_class = forms.ModelChoiceField(
        label=_("号码等级"),
        queryset=NumberClass.objects.order_by("order", "code"),
        required=False,
        empty_label=_ANY,
        to_field_name="code",
    )
    most = forms.CharField(label=_("选号费不超过（元）"), max_length=10, required=False)
    no_four = forms.BooleanField(label=_("不带 4"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        region = self.fields["region"]
        assert isinstance(region, forms.ModelChoiceField)
        region.queryset = numbers.places()
        for name in ("ends_with", "anywhere", "most"):
            self.fields[name].widget.attrs["inputmode"] = "decimal" if name == "most" else "numeric"

    def clean_most(self) -> int | None:
        """In fen; None: whatever it costs."""
        text: str = self.cleaned_data["most"].strip()
        try:
            return money.parse_yuan(text) if text else None
        except money.BadAmount as error:
            raise forms.ValidationError(error.text, code=error.code) from error

    def wish(self) -> Wish:
        """What was asked for, once the form is valid."""
        given = self.cleaned_data
        patterns = [
            name for name, asked in ((given["pattern"], True), ("NO4", given["no_four"])) if name and asked
        ]
        return Wish(
            anywhere=given["anywhere"],
            ends_with=given["ends_with"],
            patterns=tuple(patterns),
            region=given["region"],
            class_code=given["number_class"].code if given["number_class"] else "",
            most_cents=given["most"],
        )
