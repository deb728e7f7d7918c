"""Staff pages of letters: print those that wait, register their posting with its proof, note those that come back."""

from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import CharField, Count, Min, Q
from django.db.models.functions import Cast
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminFileFieldWidget

from core import audit, clock, scopes
from core.actor import Actor
from core.backoffice import ReadOnlyAdmin, ReadOnlyInline, masked, moment
from core.errors import HallError
from core.reasoned import Reasoned, ReasonOnlyForm, address
from notices import letter_papers
from notices.models import POST_DAYS, Delivery, LetterList
from notices.services import letters

URL = "admin:notices_letterlist_desk"
PRINT = "notices.add_letterlist"
MOST_SHOWN = 50


def _in_region(scope: scopes.Scope) -> Q:
    """A list lies where it was printed for: one region, or those of a printer with several posts."""
    below = scope.region_ids.annotate(ref=Cast("pk", CharField())).values("ref")
    return Q(region_ref__in=below) | Q(region_ref=_region_ref(scope))


def _region_ref(scope: scopes.Scope) -> str:
    return "" if scope.is_everything else ",".join(map(str, scope.roots))


class PostingForm(ReasonOnlyForm):
    posted_on = forms.DateField(label=_("交寄日"), widget=UnfoldAdminDateWidget())
    proof = forms.FileField(
        label=_("交寄凭证"),
        help_text=_("邮局收据的扫描件，JPEG、PNG 或 PDF；登记后不能更改"),
        widget=UnfoldAdminFileFieldWidget(),
    )


def _register(
    list_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: Any
) -> str | Promise:
    file, posted_on = data["proof"], data["posted_on"]
    assert isinstance(posted_on, date)
    proof = letters.Proof(file.name, file.chunks())
    letters.register_posting(list_id=list_id, posted_on=posted_on, proof=proof, actor=actor, as_of=as_of)
    return _("已登记交寄，%(days)s 天后视为送达") % {"days": POST_DAYS}


def came_back(delivery_id: Any, /, *, actor: Actor, reason: str, as_of: Any) -> str | Promise:
    letters.returned(delivery_id=delivery_id, reason=reason, actor=actor, as_of=as_of)
    return _("已登记退信")


CAME_BACK = Reasoned(
    name="came-back",
    title=_("登记退信"),
    explanation=_("信函被退回：这个地址视为无效，已视为送达的也会记下退回，欠费处理会重新判断。"),
    permission="notices.change_delivery",
    applies=lambda row: bool(row.letter_list_id and not row.failure),
    carry_out=came_back,
    icon="undo",
)


class LetterInline(ReadOnlyInline):
    model = Delivery
    fk_name = "letter_list"
    verbose_name_plural = _("信函")
    fields = ("shown_address", "message", "state", "delivered", "error")
    readonly_fields = ("shown_address", "delivered")
    show_change_link = True
    ordering = ("id",)
    shown_address = masked("address", _("地址"))
    delivered = moment("delivered_at", _("送达时间"))


@admin.register(LetterList)
class LetterListAdmin(ReadOnlyAdmin):
    region_path = scopes.Where(_in_region)
    list_display = ("number", "created", "created_by", "posted_on", "posted_by")
    list_filter = (("posted_on", admin.EmptyFieldListFilter),)
    search_fields = ("number",)
    search_help_text = _("清单编号（完整）")
    ordering = ("-id",)
    fields = ("number", "created", "created_by", "papers", "posted_on", "posted_by", "proof_file")
    readonly_fields = ("papers", "proof_file")
    inlines = (LetterInline,)
    created = moment("created_at", _("生成时间"))
    reasoned = (
        Reasoned(
            name="posted",
            title=_("登记交寄"),
            explanation=_("登记交寄日并上传邮局凭证的扫描件；信函从交寄日起 7 天后视为送达。"),
            permission="notices.change_letterlist",
            applies=lambda row: row.posted_on is None,
            carry_out=_register,
            form_class=PostingForm,
            icon="local_post_office",
        ),
    )

    def rights(self) -> tuple[str, ...]:
        return ("view", "add", "change")

    @admin.display(description=_("打印"))
    def papers(self, row: LetterList) -> str:
        pdf = reverse("admin:notices_letterlist_pdf", args=[row.pk])
        table = reverse("admin:notices_letterlist_csv", args=[row.pk])
        return format_html(
            '<a class="backoffice-link" href="{}">{}</a> · <a class="backoffice-link" href="{}">{}</a>',
            *(pdf, gettext("信函 PDF"), table, gettext("地址清单 CSV")),
        )

    @admin.display(description=_("交寄凭证"))
    def proof_file(self, row: LetterList) -> str | None:
        if row.proof is None:
            return None
        link = reverse("upload", args=[row.proof.token])
        return format_html('<a class="backoffice-link" href="{}">{}</a>', link, row.proof.name)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("desk/", view(self.desk_view), name="notices_letterlist_desk"),
            path("<int:key>/letters.pdf", view(self.pdf_view), name="notices_letterlist_pdf"),
            path("<int:key>/addresses.csv", view(self.csv_view), name="notices_letterlist_csv"),
            *super().get_urls(),
        ]

    def desk_view(self, request: HttpRequest) -> HttpResponse:
        """What waits to be printed and posted; POST prints what waits where the reader may."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._print(request)
        scope = scopes.of(request.user, PRINT, *self.viewing())
        waiting = scopes.narrow(letters.waiting(), _LETTERS, scope)
        counted = waiting.order_by().aggregate(count=Count("pk"), oldest=Min("created_at"))
        to_post = scopes.narrow(letters.to_post(), self.region_path, scope)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("信函"),
            "waiting": counted,
            "lists": to_post.annotate(letters=Count("deliveries"))[:MOST_SHOWN],
            "may_print": request.user.has_perm(PRINT),
            "post_days": POST_DAYS,
            "all": reverse("admin:notices_letterlist_changelist"),
        }
        return TemplateResponse(request, "backoffice/letters.html", context)

    def _print(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm(PRINT):
            raise PermissionDenied
        scope = scopes.of(request.user, PRINT)
        try:
            made = letters.print_list(
                sight=lambda rows: scopes.narrow(rows, _LETTERS, scope),
                region_ref=_region_ref(scope),
                actor=Actor.user(request.user),
                as_of=clock.now(),
            )
        except HallError as error:
            messages.error(request, error.text)
            return HttpResponseRedirect(reverse(URL))
        return HttpResponseRedirect(reverse("admin:notices_letterlist_change", args=[made.pk]))

    def pdf_view(self, request: HttpRequest, key: int) -> HttpResponse:
        listed = self._listed(request, key, "pdf")
        made = letter_papers.pdf(listed, letter_papers.letters_of(listed), issuer=settings.SITE_NAME)
        return _file(made, "application/pdf", f"{listed.number}.pdf")

    def csv_view(self, request: HttpRequest, key: int) -> HttpResponse:
        listed = self._listed(request, key, "csv")
        made = letter_papers.addresses(letter_papers.letters_of(listed))
        return _file(made, "text/csv; charset=utf-8", f"{listed.number}.csv")

    def _listed(self, request: HttpRequest, key: int, what: str) -> LetterList:
        """The list, if it lies where the reader may look; that he took the addresses away is kept."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self.get_object(request, str(key))
        if not isinstance(found, LetterList):
            raise Http404
        audit.record(
            actor=Actor.user(request.user),
            action="letters.download",
            subject=found,
            detail={"what": what},
            address=address(request),
            as_of=clock.now(),
        )
        return found


_LETTERS = scopes.by_recipient("message__recipient_ref")


def _file(content: bytes, media_type: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return HttpResponse(content, content_type=media_type, headers=headers)
