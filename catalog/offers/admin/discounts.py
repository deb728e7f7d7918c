"""Staff pages of discounts: written as drafts, published with their conditions, ended from a day on."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Customer
from catalog.offers.admin import publication, states
from catalog.offers.admin.forms import EndForm
from catalog.offers.prices import RULE_TERMS, PriceRule
from catalog.offers.services import publishing
from content.admin.owners import WithOwner
from core import clock
from core.actor import Actor
from core.backoffice import EVERYWHERE, EditableAdmin, ReasonForm, moment
from core.reasoned import Reasoned

PUBLISH = "catalog.publish_pricerule"


class RuleForm(ReasonForm):
    customer_kinds = forms.MultipleChoiceField(
        label=_("客户类型"),
        choices=Customer.Kind.choices,
        required=False,
        help_text=_("不选：全部"),
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = PriceRule
        exclude = ("published_at",)


def _end(
    row_id: Any, /, *, data: dict[str, Any], actor: Actor, reason: str, as_of: datetime
) -> str | Promise:
    publishing.end_rule(rule_id=row_id, ends_on=data["ends_on"], as_of=as_of)
    return gettext("%(day)s 起不再优惠") % {"day": data["ends_on"].isoformat()}


@admin.register(PriceRule)
class PriceRuleAdmin(WithOwner, EditableAdmin):
    form = RuleForm
    region_path = EVERYWHERE
    list_display = ("code", "name", "effect", "value", "shown_state", "active_from", "active_to", "owner")
    list_select_related = ("owner",)
    list_filter = ("effect", ("published_at", admin.EmptyFieldListFilter))
    search_fields = ("code",)
    search_help_text = _("代码（完整）")
    ordering = ("-active_from", "code")
    filter_horizontal = ("offers", "with_offers", "segments")
    fieldsets = (
        (None, {"fields": ["code", "name", "name_en", "owner", "active_from", "active_to", "published"]}),
        (_("优惠多少"), {"fields": ["charge", "effect", "value", "floor_cents", "priority", "is_exclusive"]}),
        (_("对哪些产品"), {"fields": ["offers", "type", "with_offers", "terminals"]}),
        (_("给谁、多久"), {
            "fields": ["customer_kinds", "tiers", "segments", "region", "is_for_new", "months"],
        }),
        (_("公示"), {"fields": ["conditions", "conditions_en"]}),
    )  # fmt: skip
    shown_state = states.column
    published = moment("published_at", _("发布时间"))
    reasoned = (
        *publication.acts(
            publish=lambda row_id, at, as_of: publishing.publish_rule(rule_id=row_id, at=at, as_of=as_of),
            take_back=lambda row_id, as_of: publishing.take_back_rule(rule_id=row_id, as_of=as_of),
            permission=PUBLISH,
            explanation=_(
                "须有责任人、适用条件说明和适用产品；生效日不早于发布日。发布后不能再改，只能结束另发。"
            ),
        ),
        Reasoned(
            name="end",
            title=_("结束"),
            explanation=_(
                "从这一天起不再优惠。正在生效的优惠，须等今天给出的报价都过期；还没有生效的最早明天。"
            ),
            permission=PUBLISH,
            applies=states.may_end,
            carry_out=_end,
            icon="unpublished",
            form_class=EndForm,
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A published discount stands as it is."""
        if obj is None:
            return ("published",)
        if obj.published_at is None:
            return ("published", "code")
        terms = tuple(name.removesuffix("_id") for name in RULE_TERMS)
        return ("published", "code", "active_to", "offers", "with_offers", "segments", *terms)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        first = {"active_from": clock.local_date(clock.now())}
        return {**first, **super().get_changeform_initial_data(request)}
