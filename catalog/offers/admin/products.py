"""Staff pages of product types, specifications and series, and of the names of tiers."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from catalog.offers.models import (
    Offer,
    OfferSeries,
    ProductSpecification,
    ProductType,
    SpecificationFeature,
    Tier,
)
from core.backoffice import EVERYWHERE, EditableAdmin, ReasonForm


class TypeForm(ReasonForm):
    class Meta:
        model = ProductType
        fields = ("code", "name", "name_en", "flow", "is_per_terminal", "position")


@admin.register(ProductType)
class ProductTypeAdmin(EditableAdmin):
    """Each type has the flow in which its orders are carried out; without one nothing of it is published."""

    form = TypeForm
    region_path = EVERYWHERE
    list_display = ("code", "name", "flow", "is_per_terminal", "position")
    search_fields = ("code",)
    search_help_text = _("代码（完整）")
    ordering = ("position", "code")
    fields = TypeForm.Meta.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        in_use = Offer.objects.filter(type=obj, published_at__isnull=False).exists()
        return ("code", "is_per_terminal", "flow") if in_use else ("code",)


class SpecificationForm(ReasonForm):
    class Meta:
        model = ProductSpecification
        fields = ("code", "type", "name", "name_en", "entitlements", "line_profile", "stock_item")


class FeatureInline(TabularInline):  # type: ignore[misc]  # the theme has no types
    model = SpecificationFeature
    extra = 0
    fields = ("name", "value", "name_en", "value_en", "position")
    ordering = ("position", "id")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A line of the product's page, not a row of its own: whoever may change it may leave it out."""
        return bool(self.has_change_permission(request, obj))


@admin.register(ProductSpecification)
class ProductSpecificationAdmin(EditableAdmin):
    form = SpecificationForm
    region_path = EVERYWHERE
    list_display = ("code", "name", "type", "line_profile", "stock_item")
    list_select_related = ("type",)
    list_filter = ("type",)
    search_fields = ("code",)
    search_help_text = _("代码（完整）")
    ordering = ("code",)
    fields = SpecificationForm.Meta.fields
    inlines = (FeatureInline,)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code",) if obj else ()


class SeriesForm(ReasonForm):
    class Meta:
        model = OfferSeries
        fields = ("code", "name", "name_en", "position")


@admin.register(OfferSeries)
class OfferSeriesAdmin(EditableAdmin):
    """An offer is put into a series on its own page, also while it is on sale."""

    form = SeriesForm
    region_path = EVERYWHERE
    list_display = ("code", "name", "position")
    search_fields = ("code",)
    search_help_text = _("代码（完整）")
    ordering = ("position", "code")
    fields = SeriesForm.Meta.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code",) if obj else ()


class TierForm(ReasonForm):
    class Meta:
        model = Tier
        fields = ("code", "name", "name_en")


@admin.register(Tier)
class TierAdmin(EditableAdmin):
    """Without a name no offer and no discount for a tier is published."""

    form = TierForm
    region_path = EVERYWHERE
    list_display = ("code", "name", "name_en")
    search_fields = ("code",)
    search_help_text = _("代码（完整）")
    ordering = ("code",)
    fields = TierForm.Meta.fields

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code",) if obj else ()
