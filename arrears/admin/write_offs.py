"""Debts that were given up, and the page on which somebody asks for that."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from arrears.models import WriteOff
from arrears.services import write_offs
from billing.models import Bill
from core import asking, clock, scopes
from core.actor import Actor
from core.asking import Link, WithLinks
from core.backoffice import amount, moment
from core.caller import address
from core.money import display
from core.reasoned import ReasonOnlyForm

ASK_URL = "admin:arrears_writeoff_ask"


class AskForm(ReasonOnlyForm):
    """Names an overdue bill by its number, of those where the permission is held; all that is unpaid of it goes."""

    bill = forms.CharField(
        label=_("账单编号"),
        max_length=40,
        help_text=_("只能核销已过缴费期的账单，未缴部分全部核销"),
        widget=UnfoldAdminTextInputWidget(),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scope = scopes.of(user, write_offs.ASK)
        self._rows = scopes.narrow(Bill.objects.all(), "account__region", scope)

    def clean_bill(self) -> Bill:
        found: Bill | None = self._rows.filter(number=self.cleaned_data["bill"]).first()
        if found is None:
            raise forms.ValidationError(_("没有这张账单"), code="NOT_FOUND")
        return found


@admin.register(WriteOff)
class WriteOffAdmin(WithLinks):
    region_path = "bill__account__region"
    list_display = ("bill", "account", "given_up", "reason", "actor", "when")
    list_select_related = ("bill__account",)
    search_fields = ("bill__number",)
    search_help_text = _("账单编号（完整）")
    ordering = ("-id",)
    fields = ("bill", "account", "given_up", "approval", "reason", "actor", "when")
    readonly_fields = ("account",)
    given_up = amount("amount_cents", _("核销金额"))
    when = moment("at", _("时间"))

    def rights(self) -> tuple[str, ...]:
        return ("view", "add")

    @admin.display(description=_("户号"))
    def account(self, row: WriteOff) -> str:
        return row.bill.account.number

    def links(self, request: HttpRequest) -> list[Link]:
        may = request.user.has_perm(write_offs.ASK)
        return [Link(_("申请核销"), reverse(ASK_URL), "money_off")] if may else []

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.ask_view)
        return [path("ask/", view, name="arrears_writeoff_ask"), *super().get_urls()]

    def ask_view(self, request: HttpRequest) -> HttpResponse:
        """Asks that what is unpaid of a bill is given up. With `account` it lists the overdue bills of that one."""
        if not request.user.has_perm(write_offs.ASK):
            raise PermissionDenied
        posted = request.POST if request.method == "POST" else None
        first = {"bill": request.GET.get("bill", "").replace("\0", "")[:40]}
        form = AskForm(posted, user=request.user, initial=first)

        def ask(data: dict[str, Any]) -> str:
            bill = data["bill"]
            return write_offs.ask(
                bill_id=bill.pk,
                amount_cents=bill.open_cents,
                reason=data["reason"],
                actor=Actor.user(request.user),
                as_of=clock.now(),
                address=address(request),
            ).text

        return asking.page(
            self,
            request,
            form,
            ask,
            title=_("申请核销"),
            explanation=_("核销须由另一人批准，金额多小都一样。欠费从此不再催缴，账单和记录保留。"),
            template="arrears/admin/write_off.html",
            bills=self._overdue(request, form),
        )

    def _overdue(self, request: HttpRequest, form: AskForm) -> list[dict[str, Any]]:
        number = request.GET.get("account", "").replace("\0", "")[:32]
        if not number:
            return []
        today = clock.local_date(clock.now())
        rows = form._rows.filter(account__number=number, open_cents__gt=0, due_on__lt=today)
        return [
            {"number": row.number, "due_on": row.due_on, "owed": display(row.open_cents)}
            for row in rows.order_by("due_on", "pk")[:50]
        ]
