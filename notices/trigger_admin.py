"""Staff pages of triggers: what to look for, when, and which text; and whom one would tell today."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from core import clock, masks, scopes
from core.backoffice import EVERYWHERE, EditableAdmin, ReasonForm
from notices import kinds, previews, selectors, triggers
from notices.models import Trigger
from notices.services import triggering

SEES_RECIPIENTS = "notices.view_message"
MOST_SHOWN = 50


def _sources() -> list[tuple[str, str]]:
    return [(each.code, f"{each.title} · {each.days_mean}") for each in triggers.everything()]


def _codes() -> list[tuple[str, str]]:
    return [(kind.code, f"{kind.title} ({kind.code})") for kind in kinds.everything() if not kind.is_secret]


class TriggerForm(ReasonForm):
    """A trigger whose text can be written from what its source gives."""

    source = forms.ChoiceField(
        label=_("触发条件"), choices=_sources, widget=UnfoldAdminSelectWidget, required=False
    )
    template_code = forms.ChoiceField(label=_("通知种类"), choices=_codes, widget=UnfoldAdminSelectWidget)

    class Meta:
        model = Trigger
        fields = ("code", "title", "source", "days", "template_code", "is_on", "active_from", "active_to")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        named = cleaned.get("source") or self.instance.source
        if not named:
            self.add_error("source", _("请选择触发条件"))
        elif "template_code" in cleaned:
            self._check(named, kinds.get(cleaned["template_code"]))
        return cleaned

    def _check(self, named: str, kind: kinds.Kind) -> None:
        try:
            missing = triggers.get(named).missing(kind)
        except triggers.UnknownSource:
            self.add_error("source", _("没有登记这个触发条件"))
            return
        if missing:
            names = ", ".join(sorted(missing))
            self.add_error("template_code", _("触发条件不提供这些变量：%(names)s") % {"names": names})


@dataclass(frozen=True, slots=True)
class Told:
    """One that would be told: masked, with the text."""

    recipient: str
    addresses: str
    text: str


@admin.register(Trigger)
class TriggerAdmin(EditableAdmin):
    region_path = EVERYWHERE
    form = TriggerForm
    list_display = ("code", "named", "source", "days", "template_code", "is_on", "active_from", "active_to")
    list_filter = ("is_on",)
    search_fields = ("code",)
    search_help_text = _("代码（完整）")
    ordering = ("code",)
    fields = (
        "code",
        "title",
        "source",
        "days",
        "template_code",
        "is_on",
        "active_from",
        "active_to",
        "today",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code", "source", "active_from", "today") if obj else ("today",)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.today_view)
        return [path("<int:pk>/today/", view, name="notices_trigger_today"), *super().get_urls()]

    @admin.display(description=_("名称"), ordering="title")
    def named(self, trigger: Trigger) -> str:
        """The hall's own ones have their names in English, too."""
        return gettext(trigger.title)

    @admin.display(description=_("试运行"))
    def today(self, trigger: Trigger) -> str:
        """Leads to whom it would tell today."""
        if trigger.pk is None:
            return "—"
        address = reverse("admin:notices_trigger_today", args=[trigger.pk])
        return format_html('<a class="backoffice-link" href="{}">{}</a>', address, _("今天会告诉谁"))

    def today_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A dry run: whom it would tell today, of those whom this member of staff may see. Nobody is told."""
        if not (self.has_view_permission(request) and request.user.has_perm(SEES_RECIPIENTS)):
            raise PermissionDenied
        trigger = self.get_object(request, str(pk))
        if trigger is None:
            raise Http404
        error, found = "", []
        try:
            found = triggering.ahead(trigger, as_of=clock.now(), most=MOST_SHOWN + 1)
        except triggers.UnknownSource:
            error = gettext("没有登记这个触发条件")
        seen = _seen(request.user, found)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("今天会告诉谁"),
            "trigger": trigger,
            "error": error,
            "rows": [_told(trigger, each) for each in seen[:MOST_SHOWN]],
            "are_more": len(found) > MOST_SHOWN,
            "back": reverse("admin:notices_trigger_change", args=[trigger.pk]),
        }
        return TemplateResponse(request, "backoffice/notice_trigger.html", context)


def _seen(user: Any, found: list[triggers.Found]) -> list[triggers.Found]:
    scope = scopes.of(user, SEES_RECIPIENTS)
    if scope.is_everything:
        return found
    if scope.is_empty:
        return []
    refs = {each.recipient_ref for each in found}
    mine = set(scope.recipients.filter(ref__in=refs).values_list("ref", flat=True))
    return [each for each in found if each.recipient_ref in mine]


def _told(trigger: Trigger, found: triggers.Found) -> Told:
    first = found.addresses[0]
    try:
        rows = selectors.templates(
            code=trigger.template_code, channels=[first.channel], language=found.language, as_of=clock.now()
        )
    except selectors.UnknownTemplate:
        text = gettext("没有这个渠道的文案")
    else:
        row = rows[first.channel]
        values = previews.Values(found.context, frozenset())
        text = previews.show(row.channel, row.title, row.body, values).body
    addresses = ", ".join(_shown(each.value) for each in found.addresses)
    return Told(found.recipient_ref, addresses, text)


def _shown(address: str) -> str:
    is_masked = "@" in address or address.startswith("+")
    return masks.address(address) if is_masked else address
