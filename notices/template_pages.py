"""The staff page on which a text is written: its kind beside it, a preview, and the same text in the other language."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from core import clock, scopes
from core.actor import Actor
from core.errors import HallError
from core.reasoned import ReasonOnlyForm, address
from notices import approvals, kinds, previews, rules, selectors, template_checks
from notices.kinds import PURPOSES, Kind
from notices.models import Channel, Template
from notices.services import templates
from notices.template_checks import Text

SEES_RECIPIENTS = "notices.view_message"
NAMES = ("code", "channel", "language")


class TemplateForm(ReasonOnlyForm):
    """A new version of a text; its number is the next one for that code, channel and language."""

    code = forms.CharField(
        label=_("模板代码"),
        max_length=60,
        widget=UnfoldAdminTextInputWidget(attrs={"list": "kinds", "autocomplete": "off"}),
    )
    channel = forms.ChoiceField(label=_("渠道"), choices=Channel.choices, widget=UnfoldAdminSelectWidget)
    language = forms.ChoiceField(label=_("语言"), choices=settings.LANGUAGES, widget=UnfoldAdminSelectWidget)
    title = forms.CharField(
        label=_("标题"),
        max_length=200,
        required=False,
        help_text=_("短信不用填写"),
        widget=UnfoldAdminTextInputWidget,
    )
    body = forms.CharField(label=_("正文"), widget=UnfoldAdminTextareaWidget(attrs={"rows": 8}))
    is_secret = forms.BooleanField(label=_("保密内容"), required=False, widget=UnfoldBooleanWidget)
    active_from = forms.SplitDateTimeField(label=_("生效时间"), widget=UnfoldAdminSplitDateTimeWidget)
    recipient = forms.CharField(
        label=_("用真实客户预览"),
        max_length=80,
        required=False,
        help_text=_("户号，如 8100000001；只用于预览，不会发送"),
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._user = user
        self.kind: Kind | None = None

    def clean_recipient(self) -> str:
        """The ref of a recipient in one's own region; anybody else is not found."""
        typed = str(self.cleaned_data["recipient"]).strip()
        if not typed:
            return ""
        ref = typed if ":" in typed else f"account:{typed}"
        if "\0" in ref or not _may_see(self._user, ref):
            raise forms.ValidationError(_("没有找到这个客户"))
        return ref

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        try:
            self.kind = templates.kind_of(cleaned.get("code", ""))
        except HallError as error:
            self.add_error("code", error.text)
            return cleaned
        for each in template_checks.problems(self.kind, self.text(cleaned)):
            self.add_error(each.field, each.text)
        return cleaned

    def text(self, cleaned: dict[str, Any]) -> Text:
        channel, title, body = (cleaned.get(name, "") for name in ("channel", "title", "body"))
        return Text(channel, title, body, cleaned.get("is_secret", False))


@dataclass(frozen=True, slots=True)
class Shown:
    """One side of the page: a language, its text, and how it reads. `row` is None for what is just being written."""

    language: str
    row: Template | None
    preview: previews.Preview | None


def write(admin: Any, request: HttpRequest) -> HttpResponse:
    """Shows the form with the text of today (GET), a preview, or stores the new version (POST)."""
    is_post = request.method == "POST"
    form = TemplateForm(request.POST if is_post else None, user=request.user, initial=_initial(request))
    is_preview = is_post and "preview" in request.POST
    if is_post and form.is_valid() and not is_preview and _stored(request, form):
        return HttpResponseRedirect(reverse("admin:notices_template_changelist"))
    if is_preview:
        form.is_valid()
        form.errors.pop("reason", None)  # not needed yet
    context = {
        **admin.admin_site.each_context(request),
        "opts": admin.opts,
        "title": _("写新版本"),
        "form": form,
        "kinds": kinds.everything(),
        "back": reverse("admin:notices_template_changelist"),
        **_beside(form),
    }
    return TemplateResponse(request, "backoffice/notice_template.html", context)


def _may_see(user: Any, ref: str) -> bool:
    scope = scopes.of(user, SEES_RECIPIENTS)
    if scope.is_everything:
        return True
    return not scope.is_empty and bool(scope.recipients.filter(ref=ref).exists())


def _initial(request: HttpRequest) -> dict[str, Any]:
    """What the address names, with the text that holds now."""
    named = {name: request.GET[name].replace("\0", "") for name in NAMES if name in request.GET}
    now = clock.now()
    found = _active(named) if len(named) == len(NAMES) else None
    text = {"title": found.title, "body": found.body, "is_secret": found.is_secret} if found else {}
    return {"active_from": now, **named, **text}


def _active(named: dict[str, Any]) -> Template | None:
    try:
        found = selectors.templates(
            code=named["code"], channels=[named["channel"]], language=named["language"], as_of=clock.now()
        )
    except selectors.UnknownTemplate:
        return None
    row = found[named["channel"]]
    return row if row.language == named["language"] else None


def _stored(request: HttpRequest, form: TemplateForm) -> bool:
    """Whether it is written or asked for; what was refused stands in the form."""
    data = form.cleaned_data
    try:
        outcome = approvals.submit(
            code=data["code"],
            channel=data["channel"],
            language=data["language"],
            text=form.text(data),
            active_from=data["active_from"],
            reason=data["reason"],
            actor=Actor.user(request.user),
            as_of=clock.now(),
            address=address(request),
        )
    except HallError as error:
        form.add_error(None, error.text)
        return False
    messages.success(request, outcome.text)
    return True


def _beside(form: TemplateForm) -> dict[str, Any]:
    """The kind, and both languages side by side."""
    given = form.cleaned_data if form.is_bound else form.initial
    code = given.get("code", "")
    kind = form.kind or kinds.find(code)
    if kind is None or "language" not in given or "channel" not in given:
        return {}
    ref = given.get("recipient", "")
    sides, known = [], True
    for language, _name in sorted(settings.LANGUAGES, key=lambda each: each[0] != given["language"]):
        values = previews.of_recipient(kind, ref, language) if ref else previews.samples(kind, language)
        known = known and (values.are_known or not kind.variables)
        row = None if language == given["language"] else _active({**given, "language": language})
        is_new = language == given["language"]
        text = (given.get("title", ""), given.get("body", "")) if is_new else _words(row)
        sides.append(Shown(language, row, _preview(given["channel"], text, values)))
    return {
        "kind": kind,
        "purpose": PURPOSES[kind.purpose],
        "sides": sides,
        "recipient": ref,
        "is_recipient_known": known,
    }


def _words(row: Template | None) -> tuple[str, str]:
    return (row.title, row.body) if row else ("", "")


def _preview(channel: str, text: tuple[str, str], values: previews.Values) -> previews.Preview | None:
    try:
        return previews.show(channel, *text, values) if text[1] else None
    except rules.BadTemplate:
        return None
