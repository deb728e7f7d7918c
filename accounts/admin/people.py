"""Staff pages of what users do themselves: invitations, consents, copies of their data, closed logins. To look at."""

from datetime import datetime
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import (
    ConsentChange,
    DataExport,
    DataExportState,
    Invitation,
    LoginClosing,
    Membership,
    ProfileDetails,
)
from accounts.services import data_exports
from core.actor import Actor
from core.backoffice import ReadOnlyAdmin, badge, masked, moment
from core.reasoned import Reasoned
from core.scopes import Scope, Where

admin.site.unregister(UserSession)  # where people are logged in is shown to themselves


def _of_user(scope: Scope) -> Q:
    """A user's own things lie where his accounts do."""
    return Q(user__in=Membership.objects.filter(account__region__in=scope.region_ids).values("user_id"))


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = ("reference", "account", "shown_phone", "role", "shown_state", "created", "expires")
    list_filter = ("state", "role")
    list_select_related = ("account",)
    search_fields = ("reference", "account__number")
    search_help_text = _("邀请编号或户号（完整）")
    ordering = ("-id",)
    fields = (
        "reference",
        "account",
        "shown_phone",
        "role",
        "invited_by",
        "shown_state",
        "created",
        "expires",
        "ended",
        "ended_by",
    )
    tones = {"PENDING": "wait", "ACCEPTED": "ok", "DECLINED": "warn", "WITHDRAWN": "warn", "EXPIRED": "warn"}
    shown_phone = masked("phone", _("手机号"))
    shown_state = badge("state", _("状态"), tones)
    created = moment("created_at", _("邀请时间"))
    expires = moment("expires_at", _("失效时间"))
    ended = moment("ended_at", _("结束时间"))


@admin.register(ConsentChange)
class ConsentChangeAdmin(ReadOnlyAdmin):
    region_path = Where(_of_user)
    list_display = ("id", "user", "purpose", "is_given", "text_version", "channel", "slip_number", "when")
    list_filter = ("purpose", "is_given")
    list_select_related = ("user",)
    search_fields = ("slip_number", "user__username")
    search_help_text = _("受理编号或用户名（完整）")
    ordering = ("-id",)
    fields = (
        "user",
        "purpose",
        "is_given",
        "text_version",
        "text",
        "channel",
        "slip_number",
        "actor",
        "when",
    )
    when = moment("at", _("时间"))


@admin.register(ProfileDetails)
class ProfileDetailsAdmin(ReadOnlyAdmin):
    """That a user told something; what he told is no business of staff pages."""

    region_path = Where(_of_user)
    list_display = ("user", "updated")
    list_select_related = ("user",)
    search_fields = ("user__username",)
    search_help_text = _("用户名（完整）")
    ordering = ("-id",)
    fields = ("user", "updated")
    updated = moment("updated_at", _("更新时间"))


def _again(export_id: Any, /, *, actor: Actor, reason: str, as_of: datetime) -> Any:
    data_exports.try_again(export_id=export_id, as_of=as_of)
    return _("已重新排队")


@admin.register(DataExport)
class DataExportAdmin(ReadOnlyAdmin):
    region_path = Where(_of_user)
    list_display = ("reference", "user", "shown_state", "attempts", "error", "requested", "ready", "purged")
    list_filter = ("state",)
    list_select_related = ("user",)
    search_fields = ("reference", "user__username")
    search_help_text = _("编号或用户名（完整）")
    ordering = ("-id",)
    fields = ("reference", "user", "shown_state", "attempts", "error", "requested", "ready", "purged")
    tones = {"REQUESTED": "wait", "READY": "ok", "FAILED": "bad", "PURGED": "ok"}
    shown_state = badge("state", _("状态"), tones)
    requested = moment("requested_at", _("申请时间"))
    ready = moment("ready_at", _("完成时间"))
    purged = moment("purge_at", _("清除时间"))
    reasoned = (
        Reasoned(
            name="again",
            title=_("重新制作"),
            explanation=_("没有做成的数据副本重新排队；做好后用户会收到短信。"),
            permission="accounts.change_dataexport",
            applies=lambda row: row.state == DataExportState.FAILED,
            carry_out=_again,
        ),
    )

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).defer("content")  # for its user alone, and large


@admin.register(LoginClosing)
class LoginClosingAdmin(ReadOnlyAdmin):
    region_path = Where(_of_user)
    list_display = ("reference", "user", "shown_state", "requested", "due", "ended", "reason")
    list_filter = ("state",)
    list_select_related = ("user",)
    search_fields = ("reference", "user__username")
    search_help_text = _("编号或用户名（完整）")
    ordering = ("-id",)
    fields = ("reference", "user", "shown_state", "requested", "due", "ended", "ended_by", "reason")
    tones = {"PENDING": "wait", "WITHDRAWN": "ok", "BLOCKED": "warn", "DONE": "ok"}
    shown_state = badge("state", _("状态"), tones)
    requested = moment("requested_at", _("申请时间"))
    due = moment("due_at", _("冷静期结束"))
    ended = moment("ended_at", _("结束时间"))
