"""What is public, as JSON."""

from typing import Any

from rest_framework import serializers

from content.models import Article
from content.selectors.halls import Shown


class ArticleSerializer(serializers.ModelSerializer[Article]):
    """An article in the reader's language, without its text."""

    title = serializers.CharField(read_only=True)
    summary = serializers.CharField(read_only=True)
    section = serializers.CharField(source="section.code", read_only=True)
    region = serializers.CharField(source="region.code", read_only=True, default=None, allow_null=True)

    class Meta:
        model = Article
        fields = ("slug", "kind", "section", "region", "title", "summary", "active_from", "active_until")
        read_only_fields = fields


class WholeArticleSerializer(ArticleSerializer):
    """The same with its text in Markdown."""

    body = serializers.CharField(read_only=True)

    class Meta:
        model = Article
        fields = (*ArticleSerializer.Meta.fields, "body")
        read_only_fields = fields


class HallSerializer(serializers.Serializer[Any]):
    """A hall in the reader's language, and whether it is open now."""

    code = serializers.CharField(source="hall.code")
    name = serializers.CharField(source="hall.name")
    address = serializers.CharField(source="hall.address")
    phone = serializers.CharField(source="hall.phone")
    region = serializers.CharField(source="hall.region.code")
    latitude = serializers.SerializerMethodField()
    longitude = serializers.SerializerMethodField()
    services = serializers.ListField(child=serializers.CharField(), source="hall.services")
    is_open = serializers.BooleanField(source="opening.is_open")
    changes_at = serializers.DateTimeField(source="opening.changes_at", allow_null=True)
    waiting_people = serializers.IntegerField(source="waiting", allow_null=True)
    distance_metres = serializers.IntegerField(source="metres", allow_null=True)

    def get_latitude(self, shown: Shown) -> str | None:
        return _degrees(shown.hall.latitude_e6)

    def get_longitude(self, shown: Shown) -> str | None:
        return _degrees(shown.hall.longitude_e6)


def _degrees(micro: int | None) -> str | None:
    """Degrees, WGS 84, as text: a number would lose nothing here, but readers must not round."""
    return None if micro is None else f"{micro / 1_000_000:.6f}"


class HitSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    key = serializers.CharField()
    title = serializers.CharField()
    summary = serializers.CharField()
    url = serializers.CharField()


class FoundSerializer(serializers.Serializer[Any]):
    """What a search found; `suggestions` only where nothing fits."""

    hits = HitSerializer(many=True)
    suggestions = HitSerializer(many=True)
