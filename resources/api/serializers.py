"""How numbers look in JSON."""

from typing import Any

from rest_framework import serializers


class NumberSerializer(serializers.Serializer[Any]):
    digits = serializers.CharField()
    number_class = serializers.CharField(source="number_class.code")
    class_name = serializers.CharField(source="number_class.name")
    region = serializers.CharField(source="region.code")
    price_cents = serializers.IntegerField(source="number_class.price_cents", min_value=0)


class HoldSerializer(serializers.Serializer[Any]):
    digits = serializers.CharField(source="number.digits")
    held_at = serializers.DateTimeField(source="begins_at")
    held_until = serializers.DateTimeField(source="ends_at")
