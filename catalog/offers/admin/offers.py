"""Staff pages of offers: written as drafts, priced, published to the minute, withdrawn; the calendar of what comes."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from accounts.models import Customer
from catalog.offers.admin import publication, states
from catalog.offers.admin.forms import EndForm, ExceptionForm, PriceForm
from catalog.offers.admin.prices import OfferPriceInline, told
from catalog.offers.models import TERMS, Offer, OfferRelation
from catalog.offers.prices import PriceException
from catalog.offers.selectors import coming
from catalog.offers.services import offers, price_exceptions, prices, publishing
from content.admin.owners import WithOwner
from core import clock, scopes
from core.actor import Actor
from core.backoffice import EVERYWHERE, EditableAdmin, ReasonForm, moment
from core.reasoned import Reasoned

PUBLISH, PRICE = "catalog.publish_offer", "catalog.add_price"
CALENDAR_DAYS = 90
CALENDAR = "catalog_offer_calendar"


class OfferForm(ReasonForm):
    customer_kinds = forms.MultipleChoiceField(
        label=_("适用客户类型"),
        choices=Customer.Kind.choices,
        required=False,
        help_text=_("不选：全部"),
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Offer
        exclude = ("published_at",)


class RelationInline(TabularInline):  # type: ignore[misc]  # the theme has no types
    model = OfferRelation
    fk_name = "offer"
    extra = 0
    fields = ("kind", "other")
    ordering = ("kind", "id")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A line of the offer's page, not a row of its own: whoever may change it may leave it out."""
        return bool(self.has_change_permission(request, obj))


def _withdraw(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    publishing.withdraw_offer(offer_id=row_id, ends_on=data["ends_on"], as_of=as_of)
    return gettext("%(day)s 起不再办理，已订购的继续有效") % {"day": data["ends_on"].isoformat()}


def _price(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    price = prices.add(
        offer_id=row_id,
        charge=data["charge"],
        amounts_cents=data["amounts"],
        after_last=data["after_last"],
        region_id=data["region"].pk if data["region"] else None,
        customer_kind=data["customer_kind"],
        active_from=data["active_from"],
        active_to=data["active_to"],
        source=data["source"],
        as_of=as_of,
    )
    return gettext("新价格已写入。%(impact)s") % {"impact": told(price)}


def _except(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    outcome = price_exceptions.ask(
        account_number=data["account"].strip(),
        offer_id=row_id,
        charge=data["charge"],
        amount_cents=data["amount"],
        active_from=data["active_from"],
        active_to=data["active_to"],
        reason=reason,
        actor=actor,
        as_of=as_of,
    )
    return outcome.text


@admin.register(Offer)
class OfferAdmin(WithOwner, EditableAdmin):
    """What everybody may read, all staff who may look see; the whole operator's staff write it."""

    form = OfferForm
    region_path = EVERYWHERE
    list_display = ("code", "name", "type", "shown_state", "active_from", "active_to", "published", "owner")
    list_select_related = ("type", "owner")
    list_filter = ("type", ("published_at", admin.EmptyFieldListFilter))
    search_fields = ("code", "name")
    search_help_text = _("代码或名称（完整）")
    ordering = ("type__position", "code")
    filter_horizontal = ("specifications", "regions", "segments")
    inlines = (RelationInline, OfferPriceInline)
    change_list_template = "backoffice/catalog/offers.html"
    fieldsets = (
        (None, {"fields": ["code", "type", "owner", "active_from", "active_to", "published"]}),
        (_("名称与介绍"), {"fields": ["name", "name_en", "summary", "summary_en", "series", "specifications"]}),
        (_("资费说明"), {"fields": ["conditions", "conditions_en"]}),
        (
            _("计费与合约"),
            {
                "fields": [
                    "cycle", "term_months", "is_renewed", "penalty_kind", "penalty_percent", "penalty_cents",
                    "is_paid_first",
                ]
            },
        ),
        (_("变更、退订与停机"), {
            "fields": [
                "change_effect", "cancel_effect", "return_days", "gives_back_rest", "while_paused",
                "while_in_arrears", "while_checked",
            ]
        }),
        (_("谁可以办"), {
            "fields": [
                "regions", "customer_kinds", "tiers", "segments", "group", "most_per_account", "family_limit",
            ]
        }),
    )  # fmt: skip
    shown_state = states.column
    published = moment("published_at", _("发布时间"))
    reasoned = (
        *publication.acts(
            publish=lambda row_id, at, as_of: publishing.publish_offer(offer_id=row_id, at=at, as_of=as_of),
            take_back=lambda row_id, as_of: publishing.take_back_offer(offer_id=row_id, as_of=as_of),
            permission=PUBLISH,
            explanation=_(
                "须有责任人、资费说明、受理流程，以及每个适用地区的价格。发布后条款不能再改，只能下架另发。"
            ),
        ),
        Reasoned(
            name="withdraw",
            title=_("下架"),
            explanation=_("从这一天起不再办理；已订购的客户继续有效，按公示价格收费。"),
            permission=PUBLISH,
            applies=states.may_end,
            carry_out=_withdraw,
            icon="unpublished",
            form_class=EndForm,
        ),
        Reasoned(
            name="price",
            title=_("写新价格"),
            explanation=_("原来的价格到新价格生效日为止；写下的价格不能修改，生效前可以撤回。"),
            permission=PRICE,
            applies=lambda offer: True,
            carry_out=_price,
            icon="sell",
            form_class=PriceForm,
        ),
        Reasoned(
            name="exception",
            title=_("申请价格例外"),
            explanation=_("一个户号在一段时间内按另一个价格收费，须由另一人批准。"),
            permission=price_exceptions.ASK,
            applies=lambda offer: not states.is_draft(offer),
            carry_out=_except,
            icon="request_quote",
            service_audits=True,
            form_class=ExceptionForm,
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What money depends on stands once it is published."""
        if obj is None:
            return ("published",)
        fixed = ("published", "code", "type", "cycle")
        return fixed if obj.published_at is None else (*fixed, *TERMS, "active_to")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        first = {"active_from": clock.local_date(clock.now())}
        return {**first, **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: Offer, form: Any, change: bool) -> None:
        offers.write(obj)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.calendar_view)
        return [path("calendar/", view, name=CALENDAR), *super().get_urls()]

    def calendar_view(self, request: HttpRequest) -> HttpResponse:
        """What goes on and off sale and which prices change in the next ninety days."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        exceptions = scopes.seen(request.user, PriceException.objects.all())
        if not request.user.has_perm("catalog.view_priceexception"):
            exceptions = exceptions.none()
        days = coming.ahead(as_of=clock.now(), days=CALENDAR_DAYS, exceptions=exceptions)
        context = {"days": days, "count": CALENDAR_DAYS, "title": _("发布日历"), "opts": self.opts}
        frame = self.admin_site.each_context(request)
        return TemplateResponse(request, "backoffice/catalog/calendar.html", {**frame, **context})
