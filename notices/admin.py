"""Staff pages of messages: what was sent to whom and whether it arrived. Texts get new versions, never edits."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from core import scopes
from core.actor import Actor
from core.backoffice import (
    EVERYWHERE,
    EditableAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    WhenFilter,
    badge,
    masked,
    moment,
)
from core.reasoned import Reasoned
from notices import kinds, template_pages
from notices import trigger_admin as trigger_admin  # registers its page
from notices.failure_pages import WithFailures
from notices.kinds import PURPOSES
from notices.letter_admin import CAME_BACK
from notices.models import (
    Delivery,
    DeliveryAttempt,
    DeliveryReceipt,
    DeliveryState,
    InboxMark,
    Message,
    Template,
)
from notices.services import sending

TONES = {
    str(DeliveryState.QUEUED): "wait",
    str(DeliveryState.SENT): "wait",
    str(DeliveryState.DELIVERED): "ok",
    str(DeliveryState.FAILED): "bad",
    str(DeliveryState.EXPIRED): "warn",
}


def _send_again(delivery_id: Any, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    sending.retry(delivery_id=delivery_id, actor=actor, as_of=as_of)
    return _("已重新排队")


class DeliveryInline(ReadOnlyInline):
    model = Delivery
    fields = ("channel", "shown_address", "state", "sent", "delivered", "error")
    readonly_fields = ("shown_address", "sent", "delivered")
    show_change_link = True
    ordering = ("id",)
    shown_address = masked("address", _("地址"))
    sent = moment("sent_at", _("提交时间"))
    delivered = moment("delivered_at", _("送达时间"))


class DeliveryAttemptInline(ReadOnlyInline):
    model = DeliveryAttempt
    fields = ("tried", "number", "provider", "worker", "error")
    readonly_fields = ("tried",)
    ordering = ("id",)
    tried = moment("at", _("时间"))


class DeliveryReceiptInline(ReadOnlyInline):
    model = DeliveryReceipt
    fields = ("received", "status", "is_verified", "provider", "provider_message_id")
    readonly_fields = ("received",)
    ordering = ("id",)
    received = moment("received_at", _("收到时间"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("raw")


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    region_path = scopes.by_recipient("recipient_ref")
    list_display = ("id", "code", "recipient_ref", "language", "created")
    search_fields = ("recipient_ref", "dedupe_key")
    search_help_text = _("收件人（如 account:8100000001）或去重键（完整）")
    ordering = ("-id",)
    fields = ("code", "recipient_ref", "language", "dedupe_key", "context", "attachment", "created")
    inlines = (DeliveryInline,)
    created = moment("created_at", _("产生时间"))


@admin.register(Delivery)
class DeliveryAdmin(WithFailures):
    region_path = scopes.by_recipient("message__recipient_ref")
    list_display = (
        "id",
        "created",
        "channel",
        "shown_address",
        "message",
        "shown_state",
        "attempts",
        "error",
    )
    list_filter = ("state", "channel", "failure", ("created_at", WhenFilter))
    list_select_related = ("message",)
    search_fields = ("address", "message__recipient_ref")
    search_help_text = _("手机号、邮箱或收件人（完整）")
    ordering = ("-id",)
    fields = (
        "message",
        "template",
        "channel",
        "shown_address",
        "state",
        "priority",
        "attempts",
        "body",
        "error",
        "failure",
        "instead_of",
        "fallback",
        "letter_list",
        "provider",
        "provider_message_id",
        "created",
        "next_attempt",
        "expires",
        "sent",
        "delivered",
    )
    inlines = (DeliveryAttemptInline, DeliveryReceiptInline)
    shown_address = masked("address", _("地址"))
    shown_state = badge("state", _("状态"), TONES)
    created = moment("created_at", _("产生时间"))
    next_attempt = moment("next_attempt_at", _("下次发送"))
    expires = moment("expires_at", _("失效时间"))
    sent = moment("sent_at", _("提交时间"))
    delivered = moment("delivered_at", _("送达时间"))
    fallback = moment("fallback_at", _("改用备用渠道时间"))
    reasoned = (
        CAME_BACK,
        Reasoned(
            name="send-again",
            title=_("重新发送"),
            explanation=_("未送达的通知会重新排队发送；验证码等已过期的内容不会再发。"),
            permission="notices.change_delivery",
            applies=lambda delivery: (
                delivery.state == DeliveryState.FAILED
                and not delivery.expires_at
                and not delivery.letter_list_id
            ),
            carry_out=_send_again,
            icon="send",
        ),
    )

    def search_term(self, text: str) -> str:
        """A mainland number may be typed without +86, an address in capitals."""
        if len(text) == 11 and text.isascii() and text.isdigit():
            return f"+86{text}"
        return text.lower() if "@" in text else text


@admin.register(DeliveryReceipt)
class DeliveryReceiptAdmin(ReadOnlyAdmin):
    region_path = scopes.by_recipient("delivery__message__recipient_ref")
    list_display = ("id", "received", "provider", "provider_message_id", "status", "is_verified", "delivery")
    list_filter = ("is_verified",)
    list_select_related = ("delivery",)
    search_fields = ("delivery__provider_message_id",)
    search_help_text = _("运营商消息编号（完整）")
    ordering = ("-id",)
    fields = (
        "delivery",
        "provider",
        "provider_message_id",
        "status",
        "is_verified",
        "reported",
        "received",
        "text",
    )
    received = moment("received_at", _("收到时间"))
    reported = moment("reported_at", _("运营商时间"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("raw")

    @admin.display(description=_("原始内容"))
    def text(self, receipt: DeliveryReceipt) -> str:
        return bytes(receipt.raw).decode("utf-8", errors="replace")


@admin.register(Template)
class TemplateAdmin(EditableAdmin):
    region_path = EVERYWHERE
    list_display = ("code", "kind", "channel", "language", "version", "is_secret", "active")
    list_filter = ("channel", "language")
    search_fields = ("code",)
    search_help_text = _("模板代码（完整）")
    ordering = ("code", "channel", "language", "-version")
    fields = (
        "code",
        "kind",
        "channel",
        "language",
        "version",
        "title",
        "body",
        "is_secret",
        "active",
        "again",
    )
    readonly_fields = ("kind", "active", "again")
    active = moment("active_from", _("生效时间"))

    def rights(self) -> tuple[str, ...]:
        return ("view", "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A page of its own: with the kind, a preview and the other language beside the form."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return template_pages.write(self, request)

    @admin.display(description=_("通知种类"))
    def kind(self, template: Template) -> str:
        found = kinds.find(template.code)
        return f"{found.title} · {PURPOSES[found.purpose]}" if found else "—"

    @admin.display(description=_("新版本"))
    def again(self, template: Template) -> str:
        """Leads to the form with this text in it."""
        named = {name: getattr(template, name) for name in template_pages.NAMES}
        address = f"{reverse('admin:notices_template_add')}?{urlencode(named)}"
        return format_html('<a class="backoffice-link" href="{}">{}</a>', address, _("写新版本"))


@admin.register(InboxMark)
class InboxMarkAdmin(ReadOnlyAdmin):
    region_path = None
    list_display = ("reader_ref", "up_to", "at")
    search_fields = ("reader_ref",)
    search_help_text = _("读者，如 user:17（完整）")
    ordering = ("-id",)
    fields = ("reader_ref", "up_to", "at")
