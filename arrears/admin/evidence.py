"""Seals and roots; the evidence pack of an account by one click."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import BillingAccount
from arrears import evidence_paper
from arrears.models import EvidenceRoot, EvidenceSeal, SealedRow, SealFailure
from arrears.services import evidence_handing
from core import clock, scopes
from core.actor import Actor
from core.backoffice import EVERYWHERE, ReadOnlyAdmin, ReadOnlyInline, moment, refuse
from core.caller import address

VIEW = "arrears.view_evidenceseal"


def links(number: str) -> SafeString:
    """Where the pack of this account is taken from."""
    forms = [
        (reverse("admin:arrears_evidence_pack", args=[number, form]), form.upper())
        for form in ("pdf", "json")
    ]
    return format_html_join(" · ", '<a class="backoffice-link" href="{}">{}</a>', forms)


class SealedRowInline(ReadOnlyInline):
    model = SealedRow
    fields = ("table_name", "row_id", "part", "digest")
    ordering = ("pk",)


@admin.register(EvidenceSeal)
class EvidenceSealAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = ("account", "sequence", "sealed_on", "rows", "digest", "pack")
    list_select_related = ("account",)
    search_fields = ("account__number",)
    search_help_text = _("户号（完整）")
    ordering = ("-id",)
    fields = ("account", "sequence", "sealed_on", "sealed", "rows", "previous", "digest", "pack")
    sealed = moment("sealed_at", _("封存时间"))
    inlines = (SealedRowInline,)

    @admin.display(description=_("证据包"))
    def pack(self, seal: EvidenceSeal) -> SafeString:
        return links(seal.account.number)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.pack_view)
        return [path("pack/<str:number>.<str:form>", view, name="arrears_evidence_pack"), *super().get_urls()]

    def pack_view(self, request: HttpRequest, number: str, form: str) -> HttpResponse:
        """The pack of this moment. What lies elsewhere is answered as if it did not exist; that one asked is kept."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        account = self._account(request, number)
        if form not in evidence_handing.FORMS:
            raise Http404
        made = evidence_handing.hand_out(
            account_id=account.pk,
            form=form,
            actor=Actor.user(request.user),
            as_of=clock.now(),
            address=address(request),
            language=get_language() or evidence_paper.LANGUAGE,
        )
        answer = HttpResponse(made, content_type=evidence_handing.FORMS[form])
        answer["Content-Disposition"] = f'attachment; filename="evidence-{account.number}.{form}"'
        return answer

    def _account(self, request: HttpRequest, number: str) -> BillingAccount:
        found: Any = BillingAccount.objects.filter(number=number)
        account: BillingAccount | None = scopes.narrow(found, "region", scopes.of(request.user, VIEW)).first()
        if account is None:
            if elsewhere := found.first():
                refuse(request, subject=("accounts.BillingAccount", str(elsewhere.pk)), why="elsewhere")
            raise Http404
        return account


@admin.register(EvidenceRoot)
class EvidenceRootAdmin(ReadOnlyAdmin):
    region_path = EVERYWHERE
    list_display = ("sealed_on", "seals", "digest", "sealed")
    ordering = ("-sealed_on",)
    fields = ("sealed_on", "seals", "previous", "digest", "sealed")
    sealed = moment("sealed_at", _("封存时间"))


@admin.register(SealFailure)
class SealFailureAdmin(ReadOnlyAdmin):
    region_path = "account__region"
    list_display = ("account", "error", "failed", "resolved")
    list_select_related = ("account",)
    list_filter = (("resolved_at", admin.EmptyFieldListFilter),)
    search_fields = ("account__number",)
    search_help_text = _("户号（完整）")
    ordering = ("-id",)
    fields = ("account", "error", "failed", "resolved")
    failed = moment("failed_at", _("最近失败时间"))
    resolved = moment("resolved_at", _("补封存时间"))
