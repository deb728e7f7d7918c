"""Offers and prices as JSON: the figures of the pages, amounts in fen, texts in the reader's language."""

from typing import Any

from rest_framework import serializers

from catalog.choices import Charge, Cycle, Effect, PenaltyKind
from catalog.offers import words
from catalog.offers.models import OfferRelation
from catalog.offers.prices import PriceRule
from catalog.pricing.types import Rate


class ToldField(serializers.CharField):
    """A text that is kept in both languages, in the reader's; Chinese where there is no English."""

    def get_attribute(self, instance: Any) -> Any:
        *path, name = self.source_attrs
        for step in path:
            instance = getattr(instance, step)
        return words.chosen(getattr(instance, name), getattr(instance, f"{name}_en"))


class ChangeSerializer(serializers.Serializer[Rate]):
    amounts_cents = serializers.ListField(child=serializers.IntegerField())
    active_from = serializers.DateField(source="begins_on")
    active_to = serializers.DateField(source="ends_on", allow_null=True)


class PricedSerializer(serializers.Serializer[Any]):
    charge = serializers.ChoiceField(choices=Charge.choices)
    amounts_cents = serializers.ListField(child=serializers.IntegerField())
    starts_over = serializers.BooleanField()
    active_from = serializers.DateField(source="begins_on")
    active_to = serializers.DateField(source="ends_on", allow_null=True)
    changes = ChangeSerializer(many=True)


class OfferSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(source="offer.code")
    name = serializers.CharField(source="offer.name")
    name_en = serializers.CharField(source="offer.name_en")
    type = serializers.CharField(source="offer.type.code")
    summary = ToldField(source="offer.summary")
    cycle = serializers.ChoiceField(source="offer.cycle", choices=Cycle.choices)
    term_months = serializers.IntegerField(source="offer.term_months")
    active_from = serializers.DateField(source="offer.active_from")
    active_to = serializers.DateField(source="offer.active_to", allow_null=True)
    is_eligible = serializers.BooleanField()
    because = serializers.ListField(child=serializers.CharField())
    refusals = serializers.ListField(child=serializers.CharField())
    prices = PricedSerializer(source="prices.everything", many=True)


class FeatureSerializer(serializers.Serializer[Any]):
    name = ToldField()
    value = ToldField()


class PartnerSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=OfferRelation.Kind.choices)
    offer = serializers.CharField(source="other.code")


class DiscountSerializer(serializers.Serializer[PriceRule]):
    code = serializers.CharField()
    name = ToldField()
    conditions = ToldField()
    charge = serializers.ChoiceField(choices=Charge.choices)
    effect = serializers.ChoiceField(choices=PriceRule.Effect.choices)
    value = serializers.IntegerField()
    active_from = serializers.DateField()
    active_to = serializers.DateField(allow_null=True)


class WholeOfferSerializer(OfferSerializer):
    conditions = ToldField(source="offer.conditions")
    penalty_kind = serializers.ChoiceField(source="offer.penalty_kind", choices=PenaltyKind.choices)
    penalty_percent = serializers.IntegerField(source="offer.penalty_percent")
    penalty_cents = serializers.IntegerField(source="offer.penalty_cents")
    change_effect = serializers.ChoiceField(source="offer.change_effect", choices=Effect.choices)
    cancel_effect = serializers.ChoiceField(source="offer.cancel_effect", choices=Effect.choices)
    return_days = serializers.IntegerField(source="offer.return_days")
    features = FeatureSerializer(many=True)
    relations = serializers.SerializerMethodField()
    discounts = DiscountSerializer(many=True)

    def get_relations(self, shown: Any) -> list[dict[str, str]]:
        rows = [row for row in shown.offer.relations.all() if row.other.published_at]
        return [dict(each) for each in PartnerSerializer(rows, many=True).data]
