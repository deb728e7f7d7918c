"""Orders of authorities by which a line ends: written down by one, approved by two others."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextInputWidget

from arrears.admin import asking
from arrears.admin.asking import Link, WithLinks
from arrears.models import AuthorityApproval, AuthorityOrder
from arrears.services import authority_ends
from catalog.models import Subscription, SubscriptionState
from core import clock, scopes
from core.actor import Actor
from core.backoffice import ReadOnlyInline, moment
from core.reasoned import Reasoned, ReasonOnlyForm

ASK_URL = "admin:arrears_authorityorder_ask"


class OrderForm(ReasonOnlyForm):
    """Names a line by its number, of those where the permission is held."""

    subscription = forms.CharField(label=_("订购编号"), max_length=32, widget=UnfoldAdminTextInputWidget())
    authority = forms.CharField(label=_("主管部门"), max_length=100, widget=UnfoldAdminTextInputWidget())
    reference = forms.CharField(label=_("文号"), max_length=60, widget=UnfoldAdminTextInputWidget())
    document = forms.FileField(
        label=_("主管部门文件"),
        help_text=_("JPEG、PNG 或 PDF；拆机以后不能恢复"),
        widget=UnfoldAdminFileFieldWidget(),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scope = scopes.of(user, authority_ends.ASK)
        self._rows = scopes.narrow(Subscription.objects.all(), "account__region", scope)

    def clean_subscription(self) -> Subscription:
        found: Subscription | None = self._rows.filter(number=self.cleaned_data["subscription"]).first()
        if found is None:
            raise forms.ValidationError(_("没有这个订购编号"), code="NOT_FOUND")
        return found


def _approve(row_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    user_id = int(actor.ref.removeprefix("user:"))  # a page has no other actors
    is_done = authority_ends.approve(order_id=row_id, user_id=user_id, reason=reason, as_of=as_of)
    return _("已批准，业务已终止") if is_done else _("已记录，还需另一人批准")


class AuthorityApprovalInline(ReadOnlyInline):
    model = AuthorityApproval
    fields = ("user", "reason", "when")
    readonly_fields = ("when",)
    ordering = ("pk",)
    when = moment("at", _("时间"))


@admin.register(AuthorityOrder)
class AuthorityOrderAdmin(WithLinks):
    region_path = "subscription__account__region"
    list_display = ("reference", "authority", "subscription", "state", "made_by", "made")
    list_select_related = ("subscription", "made_by")
    search_fields = ("reference", "subscription__number")
    search_help_text = _("文号或订购编号（完整）")
    ordering = ("-id",)
    fields = ("subscription", "authority", "reference", "document", "reason", "state", "made_by", "made")
    readonly_fields = ("state",)
    inlines = (AuthorityApprovalInline,)
    made = moment("created_at", _("写入时间"))
    reasoned = (
        Reasoned(
            name="approve-order",
            title=_("批准主管部门指令"),
            explanation=_("须由录入人以外的两人批准；第二人批准时业务立即终止，不能恢复。"),
            permission=authority_ends.DECIDE,
            applies=lambda row: row.subscription.state == SubscriptionState.ACTIVE,
            carry_out=_approve,
            icon="how_to_reg",
        ),
    )

    def rights(self) -> tuple[str, ...]:
        return ("view", "add")

    @admin.display(description=_("业务状态"))
    def state(self, row: AuthorityOrder) -> str:
        return row.subscription.get_state_display()

    def links(self, request: HttpRequest) -> list[Link]:
        may = request.user.has_perm(authority_ends.ASK)
        return [Link(_("录入指令"), reverse(ASK_URL), "gavel")] if may else []

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.ask_view)
        return [path("ask/", view, name="arrears_authorityorder_ask"), *super().get_urls()]

    def ask_view(self, request: HttpRequest) -> HttpResponse:
        """Writes an order down with its document."""
        if not request.user.has_perm(authority_ends.ASK):
            raise PermissionDenied
        is_post = request.method == "POST"
        first = {"subscription": request.GET.get("subscription", "").replace("\0", "")[:32]}
        form = OrderForm(
            request.POST if is_post else None,
            request.FILES if is_post else None,
            user=request.user,
            initial=first,
        )

        def ask(data: dict[str, Any]) -> str | Promise:
            file = data["document"]
            authority_ends.ask(
                number=data["subscription"].number,
                authority=data["authority"],
                reference=data["reference"],
                file=(file.name, file.chunks()),
                reason=data["reason"],
                user_id=request.user.pk or 0,
                as_of=clock.now(),
            )
            return _("已录入，须由另外两人批准")

        return asking.page(
            self,
            request,
            form,
            ask,
            title=_("录入主管部门指令"),
            explanation=_("按主管部门的书面要求终止一项业务。须附文件，由另外两人批准后立即终止，不能恢复。"),
        )
