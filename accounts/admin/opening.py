"""The staff page on which a customer is created: a person, a family or a firm, with the first billing account."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts import posts
from accounts.models import BillingAccount, Customer, Region
from accounts.services import accounts, customers
from core import audit, clock, scopes
from core.actor import Actor
from core.errors import HallError
from core.reasoned import Reasoned, ReasonOnlyForm, address
from core.staff_pages import StaffAdmin, refuse

PERMISSION = "accounts.add_customer"
_URL = "accounts_customer_open"


class OpeningForm(ReasonOnlyForm):
    kind = forms.ChoiceField(
        label=_("客户类型"), choices=Customer.Kind.choices, widget=UnfoldAdminSelectWidget
    )
    name = forms.CharField(
        label=_("姓名或单位名称"), max_length=customers.LONGEST_NAME, widget=UnfoldAdminTextInputWidget
    )
    region = forms.ModelChoiceField(
        label=_("区域"), queryset=Region.objects.none(), widget=UnfoldAdminSelectWidget
    )
    phone = forms.CharField(
        label=_("联系手机"),
        max_length=40,
        help_text=_("客户用它绑定户号、接收停机等重要通知"),
        widget=UnfoldAdminTextInputWidget(attrs={"type": "tel", "autocomplete": "off"}),
    )
    contact_name = forms.CharField(
        label=_("联系人"), max_length=60, required=False, widget=UnfoldAdminTextInputWidget
    )
    address = forms.CharField(
        label=_("装机地址"), max_length=300, required=False, widget=UnfoldAdminTextInputWidget
    )
    number = forms.CharField(
        label=_("户号"),
        max_length=40,
        required=False,
        help_text=_("计费系统已有户号时填写；不填则自动编号"),
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        region = self.fields["region"]
        assert isinstance(region, forms.ModelChoiceField)
        mine = scopes.narrow(Region.objects.all(), "pk", scopes.of(user, PERMISSION))
        region.queryset = mine.order_by("code")


class OpensCustomers(StaffAdmin):
    """Adds the page to that of customers."""

    list_before_template = "backoffice/open_customer_link.html"

    def rights(self) -> tuple[str, ...]:
        return (*super().rights(), "add")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.open_view)
        return [path("open/", view, name=_URL), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        more = {"may_open": request.user.has_perm(PERMISSION), "open": reverse(f"admin:{_URL}")}
        return super().changelist_view(request, more | (extra_context or {}))

    def open_view(self, request: HttpRequest) -> HttpResponse:
        """Asks for what is known of the customer (GET), creates him (POST)."""
        if not request.user.has_perm(PERMISSION):
            refuse(request, subject=(Customer._meta.label, "-"), why="no permission")
            raise PermissionDenied
        form = OpeningForm(request.POST if request.method == "POST" else None, user=request.user)
        if form.is_valid() and (account := _open(request, form, as_of=clock.now())):
            messages.success(request, gettext("已建档，户号 %(number)s") % {"number": account.number})
            target = reverse("admin:accounts_customer_change", args=[account.customer_id])
            return HttpResponseRedirect(target)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("新建客户"),
            "form": form,
            "back": reverse("admin:accounts_customer_changelist"),
        }
        return TemplateResponse(request, "backoffice/open_customer.html", context)


def _open(request: HttpRequest, form: OpeningForm, *, as_of: datetime) -> BillingAccount | None:
    """The new account; None with what is wrong in the form, or with the clerk's certificate."""
    data = dict(form.cleaned_data)
    reason, region = data.pop("reason"), data.pop("region")
    try:
        posts.check_clerk(request.user, as_of)
        account = customers.open_with_account(
            customers.Opening(region_id=region.pk, **data),
            noted=lambda opened: audit.record(
                actor=Actor.user(request.user),
                action="accounts.customer.opened",
                subject=opened.customer,
                reason=reason,
                detail={"kind": data["kind"], "account": opened.number},
                address=address(request),
                as_of=as_of,
            ),
            as_of=as_of,
        )
    except HallError as error:
        form.add_error(None, error.text)
        return None
    return account


def _close(account_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> Any:
    accounts.close_account(account_id=account_id, as_of=as_of)
    return _("已销户，欠费仍可缴清")


def _reopen(account_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> Any:
    accounts.reopen_account(account_id=account_id, as_of=as_of)
    return _("已恢复")


CLOSING = (
    Reasoned(
        name="close",
        title=_("销户"),
        explanation=_("销户后不能绑定、邀请成员和预存；欠费仍可缴清，余额仍可退还。"),
        permission="accounts.change_billingaccount",
        applies=lambda account: not account.is_closed and account.purpose == BillingAccount.Purpose.CUSTOMER,
        carry_out=_close,
        icon="block",
    ),
    Reasoned(
        name="reopen",
        title=_("恢复户号"),
        explanation=_("撤销销户，户号和以前一样使用。"),
        permission="accounts.change_billingaccount",
        applies=lambda account: account.is_closed,
        carry_out=_reopen,
        icon="restart_alt",
    ),
)
