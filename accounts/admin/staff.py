"""Staff pages of posts and certificates, and the page that appoints."""

from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts import approvals, posts, roles
from accounts.admin.region_filter import RegionFilter
from accounts.models import Certificate, Post, Region, User
from accounts.services import staff
from core import clock, scopes
from core.actor import Actor
from core.backoffice import ReadOnlyAdmin, ReadOnlyInline, known_values, moment, refuse
from core.errors import Forbidden, HallError
from core.reasoned import Reasoned, ReasonOnlyForm, address

APPOINT_URL = "admin:accounts_post_appoint"
MOST_NAMED = 200  # regions that the field offers while one types


class AppointForm(ReasonOnlyForm):
    username = forms.CharField(
        label=_("员工用户名"),
        max_length=150,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    role = forms.ModelChoiceField(
        label=_("角色"), queryset=Group.objects.none(), widget=UnfoldAdminSelectWidget
    )
    region = forms.CharField(
        label=_("区域代码"),
        max_length=20,
        help_text=_("任职对该区域及其下级区域有效"),
        widget=UnfoldAdminTextInputWidget(attrs={"list": "regions", "autocomplete": "off"}),
    )
    active_from = forms.DateField(label=_("到岗日"), widget=UnfoldAdminDateWidget)
    active_to = forms.DateField(
        label=_("离岗日"),
        required=False,
        help_text=_("不再任职的第一天；长期任职不填"),
        widget=UnfoldAdminDateWidget,
    )

    def __init__(self, *args: Any, grantable: "QuerySet[Group]", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role = self.fields["role"]
        assert isinstance(role, forms.ModelChoiceField)
        role.queryset = grantable
        role.label_from_instance = roles.shown  # type: ignore[method-assign, assignment]  # Django's hook for it

    def clean_username(self) -> User:
        try:
            return staff.find(self.cleaned_data["username"])
        except HallError as error:
            raise forms.ValidationError(error.text, code=error.code) from error

    def clean_region(self) -> Region:
        try:
            return staff.region(self.cleaned_data["region"])
        except HallError as error:
            raise forms.ValidationError(error.text, code=error.code) from error


class EndForm(ReasonOnlyForm):
    ends_on = forms.DateField(
        label=_("离岗日"), help_text=_("不再任职的第一天，最早为今天"), widget=UnfoldAdminDateWidget
    )


def _end(
    post_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    post = staff.end_post(post_id=post_id, ends_on=data["ends_on"], actor=actor, as_of=as_of)
    return gettext("任职到 %(day)s 为止") % {"day": post.active_to}


def _is_open(post: Post) -> bool:
    return post.active_to is None or post.active_to > clock.local_date(clock.now())


class ActiveFilter(admin.SimpleListFilter):
    title = _("是否在岗")
    parameter_name = "held"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("在岗")), ("no", _("已离岗或未到岗"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        held = posts.active(clock.local_date(clock.now()))
        how: dict[str | None, Q] = {"yes": held, "no": ~held}
        return queryset.filter(how[self.value()]) if self.value() in how else queryset


def _roles() -> list[tuple[str, str]]:
    return [(str(role.pk), roles.shown(role)) for role in Group.objects.order_by("name")]


@admin.display(description=_("角色"), ordering="role")
def role_column(self: Any, post: Post) -> str:
    return roles.shown(post.role)


@admin.register(Post)
class PostAdmin(ReadOnlyAdmin):
    region_path = "region"
    list_display = ("user", "role_name", "region", "active_from", "active_to", "appointed_by")
    list_filter = (ActiveFilter, known_values("role", _("角色"), _roles), RegionFilter)
    list_select_related = ("user", "role", "region", "appointed_by")
    list_before_template = "backoffice/appoint_link.html"
    search_fields = ("user__username",)
    search_help_text = _("用户名（完整）")
    ordering = ("-id",)
    fields = ("user", "role_name", "region", "active_from", "active_to", "appointed_by", "created")
    role_name = role_column
    created = moment("created_at", _("登记时间"))
    reasoned = (
        Reasoned(
            name="end",
            title=_("免去任职"),
            explanation=_("从离岗日起不再有这个任职带来的权限；任职记录保留。"),
            permission=approvals.ASK,
            applies=_is_open,
            carry_out=_end,
            icon="person_remove",
            form_class=EndForm,
            initial=lambda post: {"ends_on": clock.local_date(clock.now())},
        ),
    )

    def rights(self) -> tuple[str, ...]:
        return ("view",)  # what changes posts are permissions of their own

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.appoint_view)
        return [path("appoint/", view, name="accounts_post_appoint"), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        more = {"may_appoint": request.user.has_perm(approvals.ASK), "appoint": reverse(APPOINT_URL)}
        return super().changelist_view(request, more | (extra_context or {}))

    def appoint_view(self, request: HttpRequest) -> HttpResponse:
        """Gives a post to a member of staff, named by his user name."""
        user: Any = request.user
        if not user.has_perm(approvals.ASK):
            raise PermissionDenied
        as_of = clock.now()
        posted = request.POST if request.method == "POST" else None
        first = {
            "active_from": clock.local_date(as_of),
            "username": request.GET.get("username", "").replace("\0", "")[:150],
        }
        form = AppointForm(posted, initial=first, grantable=staff.grantable(user, as_of=as_of))
        if form.is_valid() and _appoint(request, form, as_of):
            return HttpResponseRedirect(reverse("admin:accounts_post_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("任命"),
            "form": form,
            "regions": _named(user),
            "back": reverse("admin:accounts_post_changelist"),
        }
        return TemplateResponse(request, "backoffice/appoint.html", context)


def _appoint(request: HttpRequest, form: AppointForm, as_of: datetime) -> bool:
    data = form.cleaned_data
    try:
        outcome = approvals.submit(
            user=data["username"],
            role=data["role"],
            region=data["region"],
            active_from=data["active_from"],
            active_to=data["active_to"],
            reason=data["reason"],
            actor=Actor.user(request.user),
            as_of=as_of,
            address=address(request),
        )
    except HallError as error:
        form.add_error(None, error.text)
        if isinstance(error, Forbidden):
            refuse(request, subject=(User._meta.label, str(data["username"].pk)), why=error.code)
        return False
    messages.success(request, outcome.text)
    return True


def _named(user: User) -> list[Region]:
    """Regions to choose from while one types: the highest of one's own first."""
    scope = posts.scope(user, approvals.ASK)
    found = scopes.narrow(Region.objects.all(), "pk", scope)
    return list(found.order_by("level", "code")[:MOST_NAMED])


class PostInline(ReadOnlyInline):
    model = Post
    fk_name = "user"
    fields = ("role_name", "region", "active_from", "active_to", "appointed_by")
    readonly_fields = ("role_name",)
    show_change_link = True
    ordering = ("id",)
    role_name = role_column

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("role", "region", "appointed_by")


class CertificateInline(ReadOnlyInline):
    model = Certificate
    fk_name = "user"
    fields = ("number", "kind", "issued_on", "expires_on", "revoked")
    readonly_fields = ("revoked",)
    show_change_link = True
    ordering = ("id",)
    revoked = moment("revoked_at", _("吊销时间"))


class CertificateForm(ReasonOnlyForm):
    number = forms.CharField(label=_("证书编号"), max_length=40, widget=UnfoldAdminTextInputWidget)
    kind = forms.ChoiceField(
        label=_("岗位"), choices=Certificate.Kind.choices, widget=UnfoldAdminSelectWidget
    )
    issued_on = forms.DateField(label=_("发证日"), widget=UnfoldAdminDateWidget)
    expires_on = forms.DateField(
        label=_("有效期至"), help_text=_("证书上印的最后一天"), widget=UnfoldAdminDateWidget
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        begins, ends = data.get("issued_on"), data.get("expires_on")
        if isinstance(begins, date) and isinstance(ends, date) and ends <= begins:
            self.add_error("expires_on", forms.ValidationError(staff.BadPeriod().text, code="BAD_PERIOD"))
        return data


def _record(
    user_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    found = staff.record_certificate(user_id=user_id, actor=actor, as_of=as_of, **data)
    return gettext("岗位合格证 %(number)s 已登记，有效期至 %(day)s") % {
        "number": found.number,
        "day": found.expires_on,
    }


def _revoke(certificate_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    staff.revoke_certificate(certificate_id=certificate_id, actor=actor, as_of=as_of)
    return gettext("已吊销，即刻起不能受理业务")


def _reset(user_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    staff.reset_second_factor(user_id=user_id, actor=actor, as_of=as_of)
    return gettext("已重置，本人下次登录后须重新设置")


OF_USERS = (
    Reasoned(
        name="certificate",
        title=_("登记岗位合格证"),
        explanation=_("没有有效岗位合格证的员工只能查看，不能受理业务。请核对证书原件后登记。"),
        permission="accounts.change_certificate",
        applies=lambda user: user.is_staff,
        carry_out=_record,
        icon="badge",
        form_class=CertificateForm,
    ),
    Reasoned(
        name="reset-second-factor",
        title=_("重置第二验证"),
        explanation=_(
            "请先核实确为本人（当面或视频）。重置后原验证器和备用码全部作废，本人须重新设置；操作记入审计。"
        ),
        permission="accounts.reset_second_factor",
        applies=lambda user: user.is_active,
        carry_out=_reset,
        icon="lock_reset",
    ),
)


class ExpiryFilter(admin.SimpleListFilter):
    title = _("有效期")
    parameter_name = "expiry"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("valid", _("有效")), ("soon", _("30 天内到期")), ("over", _("已过期或吊销"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        today = clock.local_date(clock.now())
        held = posts.valid(queryset, today)
        if self.value() == "soon":
            return held.filter(expires_on__lte=today + posts.WARNED_BEFORE)
        if self.value() == "over":
            return queryset.filter(Q(expires_on__lt=today) | Q(revoked_at__isnull=False))
        return held if self.value() == "valid" else queryset


def _of_holders(scope: scopes.Scope) -> Q:
    """A certificate lies where its holder has a post, or had one."""
    return Q(user__in=Post.objects.filter(region__in=scope.region_ids).values("user_id"))


@admin.register(Certificate)
class CertificateAdmin(ReadOnlyAdmin):
    region_path = scopes.Where(_of_holders)
    list_display = ("number", "user", "kind", "issued_on", "expires_on", "standing")
    list_filter = (ExpiryFilter, "kind")
    list_select_related = ("user",)
    search_fields = ("number", "user__username")
    search_help_text = _("证书编号或用户名（完整）")
    ordering = ("-id",)
    fields = ("user", "number", "kind", "issued_on", "expires_on", "revoked", "recorded_by", "created")
    revoked = moment("revoked_at", _("吊销时间"))
    created = moment("created_at", _("登记时间"))
    reasoned = (
        Reasoned(
            name="revoke",
            title=_("吊销"),
            explanation=_("即刻起持证人不能再凭它受理业务；证书记录保留。"),
            permission="accounts.change_certificate",
            applies=lambda certificate: certificate.revoked_at is None,
            carry_out=_revoke,
            icon="cancel",
        ),
    )

    @admin.display(description=_("状态"))
    def standing(self, certificate: Certificate) -> Any:
        today = clock.local_date(clock.now())
        if certificate.revoked_at is not None:
            return _("已吊销")
        if certificate.expires_on < today:
            return _("已过期")
        near = certificate.expires_on - today <= posts.WARNED_BEFORE
        return _("即将到期") if near else _("有效")
