from typing import TYPE_CHECKING, Any

from django import forms
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from accounts import phones, roles, second_factor
from accounts.admin.accounts import contact_value
from accounts.admin.staff import OF_USERS, CertificateInline, PostInline
from accounts.models import Membership, Post, RoleRule, User
from accounts.services import users
from core.backoffice import EVERYWHERE, EditableAdmin, SuperuserOnly, masked, moment
from core.scopes import Scope, Where

if TYPE_CHECKING:
    BaseUserAdmin = DjangoUserAdmin[User]
    BaseStacked = admin.StackedInline[Any, Any]
else:
    from unfold.admin import StackedInline as BaseStacked

    BaseUserAdmin = DjangoUserAdmin


def reason_field() -> forms.CharField:
    return forms.CharField(
        label=_("原因"), min_length=2, max_length=300, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )


class PhoneMixin(forms.BaseForm):
    """Takes a phone as people type it and keeps it in E.164; empty is none."""

    def clean_phone(self) -> str | None:
        typed: str = self.cleaned_data.get("phone") or ""
        if not typed.strip():
            return None
        try:
            return phones.normalise(typed)
        except phones.BadPhone as error:
            raise forms.ValidationError(error.text, code=error.code) from error


class StaffCreationForm(PhoneMixin, UserCreationForm):  # type: ignore[misc]  # the theme has no types
    reason = reason_field()

    class Meta:
        model = User
        fields = ("username", "name", "phone")


class StaffChangeForm(PhoneMixin, UserChangeForm):  # type: ignore[misc]  # the theme has no types
    reason = reason_field()
    language = forms.ChoiceField(
        label=_("语言"),
        choices=settings.LANGUAGES,
        widget=UnfoldAdminSelectWidget(choices=settings.LANGUAGES),
    )

    class Meta:
        model = User
        fields = "__all__"


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[misc]  # the theme has no types
    reason = reason_field()

    def save(self, commit: bool = True) -> Any:
        users.end_tokens(user_id=self.user.pk)
        return super().save(commit)


admin.site.unregister(Group)
VERBS = {"view": _("查看"), "add": _("新增"), "change": _("修改或处理")}


class RightsAdmin(SuperuserOnly, EditableAdmin):
    """Offers the permissions that open something on the staff side, in words; the other ones open nothing."""

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_manytomany(db_field, request, **kwargs)
        if db_field.related_model is Permission:
            field.queryset = _useful_permissions()
            field.label_from_instance = _in_words
        return field


def _useful_permissions() -> QuerySet[Permission]:
    useful = Q(pk__in=[])
    for model, page in admin.site._registry.items():
        codes = [f"{verb}_{model._meta.model_name}" for verb in page.rights()]  # type: ignore[attr-defined]
        codes += [code for code, _name in model._meta.permissions]
        useful |= Q(content_type__app_label=model._meta.app_label, codename__in=codes)
    found = Permission.objects.filter(useful).select_related("content_type")
    return found.order_by("content_type__app_label", "content_type__model", "-codename")


def _in_words(permission: Permission) -> str:
    model = permission.content_type.model_class()
    app = apps.get_app_config(permission.content_type.app_label)
    own = dict(model._meta.permissions) if model else {}
    verb = own.get(permission.codename) or VERBS.get(permission.codename.partition("_")[0], permission.name)
    return f"{app.verbose_name} · {model._meta.verbose_name if model else ''} · {verb}"


def _of_people(scope: Scope) -> Q:
    """Staff lie where they have a post or had one, customers where their accounts do."""
    staff = Post.objects.filter(region__in=scope.region_ids).values("user_id")
    members = Membership.objects.filter(account__region__in=scope.region_ids).values("user_id")
    return Q(pk__in=staff) | Q(pk__in=members)


@admin.register(User)
class UserAdmin(RightsAdmin, BaseUserAdmin):
    """What a user may do is no part of him: posts say it."""

    region_path = Where(_of_people)
    form = StaffChangeForm
    add_form = StaffCreationForm
    change_password_form = PasswordForm
    change_user_password_template = "backoffice/change_password.html"
    list_display = ("username", "name", "shown_phone", "is_staff", "is_superuser", "is_active", "last_seen")
    list_filter = ("is_staff", "is_superuser", "is_active")
    search_fields = ("username", "phone")
    search_help_text = _("用户名或手机号（完整）")
    ordering = ("-id",)
    readonly_fields = (
        "shown_phone",
        "shown_email",
        "verified",
        "factor",
        "factor_reset",
        "last_seen",
        "joined",
    )
    filter_horizontal = ()
    inlines = (PostInline, CertificateInline)
    reasoned = OF_USERS
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("本人"), {"fields": ("name", "phone", "verified", "email", "language")}),
        (_("登录"), {"fields": ("is_active", "is_staff", "is_superuser", "factor", "factor_reset")}),
        (_("时间"), {"fields": ("last_seen", "joined")}),
    )
    add_fieldsets = ((None, {"fields": ("username", "name", "phone", "password1", "password2")}),)
    shown_phone = masked("phone", _("手机号"))
    shown_email = masked("email", _("邮箱"))
    verified = moment("phone_verified_at", _("手机验证时间"))
    last_seen = moment("last_login", _("上次登录"))
    joined = moment("date_joined", _("注册时间"))
    factor_reset = moment("second_factor_reset_at", _("第二验证重置时间"))

    @admin.display(description=_("第二验证"))
    def factor(self, user: User) -> Any:
        return _("已启用") if second_factor.has_one(user) else _("未启用")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may only look sees no more of a number than in the list."""
        found = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return found
        hidden = {"phone": "shown_phone", "email": "shown_email"}
        return [
            (title, {**options, "fields": [hidden.get(name, name) for name in options["fields"]]})
            for title, options in found
        ]

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.inlines if obj is not None and obj.is_staff else ()

    def _matching(self, model: Any, lookup: str, term: str) -> Q:
        return super()._matching(model, lookup, contact_value(term) if lookup == "phone" else term)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Who is created here is staff; a number typed here is not proven until its holder has typed a code."""
        if not change:
            obj.is_staff = True
        if form.cleaned_data.get("phone") != form.initial.get("phone"):
            obj.phone_verified_at = None
        super().save_model(request, obj, form, change)


# What the framework calls groups are roles here.
Group._meta.verbose_name, Group._meta.verbose_name_plural = _("角色"), pgettext_lazy("plural", "角色")
apps.get_app_config("auth").verbose_name = _("员工权限")


class RuleInline(BaseStacked):
    """Who gives posts of this role."""

    model = RoleRule
    fields = ("purpose", "granted_by", "needs_second_person")
    filter_horizontal = ("granted_by",)
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    has_change_permission = has_add_permission

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_manytomany(db_field, request, **kwargs)
        field.label_from_instance = roles.shown
        return field

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("auth.view_group")


@admin.register(Group)
class GroupAdmin(RightsAdmin):
    region_path = EVERYWHERE
    inlines = (RuleInline,)
    search_fields = ("name",)
    search_help_text = _("角色名称（完整）")
    ordering = ("name",)
    fields = ("name", "permissions")
    readonly_fields = ("granted",)
    filter_horizontal = ("permissions",)
    list_display = ("shown_name", "purpose")
    list_select_related = ("rule",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may only look is shown the permissions in words, read at once."""
        return self.fields if self.has_change_permission(request, obj) else ("name", "granted")

    @admin.display(description=_("权限"))
    def granted(self, role: Group) -> str:
        rows = role.permissions.select_related("content_type")
        words = sorted(_in_words(each) for each in rows)
        return format_html_join("", '<div class="backoffice-change">{}</div>', ((each,) for each in words))

    @admin.display(description=_("名称"), ordering="name")
    def shown_name(self, role: Group) -> str:
        return roles.shown(role)

    @admin.display(description=_("职责"))
    def purpose(self, role: Group) -> str:
        rule = getattr(role, "rule", None)
        return gettext(rule.purpose) if rule is not None and rule.purpose else ""
