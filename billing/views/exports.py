"""清单: lists of bills and receipts to take away, free of charge."""

from datetime import date
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.db.models import TextChoices
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.models import BillingAccount
from accounts.rules import Action
from accounts.selectors import accounts
from billing.selectors import bills
from billing.selectors.exports import Content, Wanted
from billing.services import exports
from core import clock
from core.errors import HallError

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Format(TextChoices):
    CSV = "csv", "CSV"
    XLSX = "xlsx", "Excel (XLSX)"


class DayInput(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class ExportForm(forms.Form):
    """Which account, what, from which day to which, in which form."""

    account = forms.ModelChoiceField(
        label=_("户号"),
        queryset=BillingAccount.objects.none(),
        to_field_name="number",
        required=False,
        empty_label=_("全部户号"),
    )
    content = forms.ChoiceField(label=_("内容"), choices=Content.choices, widget=forms.RadioSelect)
    first = forms.DateField(label=_("从"), widget=DayInput(), input_formats=["%Y-%m-%d"])
    last = forms.DateField(label=_("到"), widget=DayInput(), input_formats=["%Y-%m-%d"])
    format = forms.ChoiceField(
        label=_("文件格式"),
        choices=Format.choices,
        widget=forms.RadioSelect,
        help_text=_("用 Excel 打开，建议选 XLSX：长编号不会变样"),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account = self.fields["account"]
        assert isinstance(account, forms.ModelChoiceField)
        account.queryset = accounts.where(user, Action.SEE_BILLS)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        first, last = data.get("first"), data.get("last")
        if first and last and not date(2000, 1, 1) <= first <= last < date(2100, 1, 1):
            self.add_error("last", forms.ValidationError(_("结束日期不能早于开始日期"), code="BAD_PERIOD"))
        return data


@login_required
@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """The form; with its answers in the address, the file."""
    today = clock.local_date(clock.now())
    if "content" not in request.GET:
        initial = {
            "account": request.GET.get("account", ""),
            "content": Content.BILLS,
            "first": bills.months_before(today, bills.MONTHS_SHOWN - 1),
            "last": today,
            "format": Format.XLSX,
        }
        return _page(request, ExportForm(initial=initial, user=request.user))
    form = ExportForm(request.GET, user=request.user)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        return _file(request, form.cleaned_data)
    except HallError as error:
        form.add_error(None, error.text)
        return _page(request, form, status=error.status)


def _page(request: HttpRequest, form: ExportForm, *, status: int = 200) -> HttpResponse:
    return render(request, "billing/exports.html", {"form": form}, status=status)


def _file(request: HttpRequest, data: dict[str, Any]) -> HttpResponseBase:
    assert request.user.pk is not None
    exports.count_one(request.user.pk, as_of=clock.now())
    wanted = Wanted(
        user=request.user,
        content=Content(data["content"]),
        first=data["first"],
        last=data["last"],
        account_number=data["account"].number if data["account"] else "",
    )
    language = translation.get_language()
    name = f"{wanted.content.value}-{wanted.first:%Y%m%d}-{wanted.last:%Y%m%d}.{data['format']}"
    if data["format"] == Format.XLSX:
        book = exports.as_xlsx(wanted, language=language)
        return FileResponse(book, as_attachment=True, filename=name, content_type=_XLSX)
    lines = exports.as_csv(wanted, language=language)
    answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
