"""What is on sale and what it costs, as JSON: the same figures as on the pages."""

from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Region
from accounts.selectors import accounts
from catalog.offers.api import serializers as shapes
from catalog.offers.selectors import books, shelf
from catalog.offers.selectors.shelf import Viewer
from core import clock
from core.errors import NotFound
from operations.api import scopes
from operations.api.views import HallApiView

_CODE = {"type": "string", "pattern": "^[A-Za-z0-9_-]{0,20}$"}
_ACCOUNT = OpenApiParameter("account", _CODE, description=_("按这个户号的地区、客户类型和等级"))
_REGION = OpenApiParameter("region", _CODE, description=_("没有户号时：按这个区域代码"))
_ON = OpenApiParameter("on", date, description=_("哪一天的价格，如 2026-12-01；默认今天"))


class _Asked(serializers.Serializer[Any]):
    account = serializers.CharField(required=False, max_length=32, allow_blank=True)
    region = serializers.CharField(required=False, max_length=20, allow_blank=True)
    on = serializers.DateField(required=False)


class _OffersView(HallApiView):
    scope = scopes.ANY

    def asked(self, request: Request) -> dict[str, Any]:
        checked = _Asked(data=request.query_params.dict())
        checked.is_valid(raise_exception=True)
        given: dict[str, Any] = checked.validated_data
        return given

    def viewer(self, request: Request, as_of: datetime) -> Viewer:
        """NotFound for another's account and for a place that does not exist; an account's own prices are `read`."""
        given = self.asked(request)
        if number := given.get("account"):
            scopes.require(request, scopes.READ)
            account = accounts.of_user(request.user).filter(number=number).first()
            if account is None:
                raise NotFound()
            return shelf.holder(account, clock.local_date(as_of))
        if code := given.get("region"):
            region = Region.objects.filter(code=code).first()
            if region is None:
                raise NotFound()
            return shelf.visitor(region.pk)
        return shelf.visitor()


class OffersView(_OffersView):
    @extend_schema(
        operation_id="offers_list",
        summary=_("在售产品，可办的在前"),
        parameters=[_ACCOUNT, _REGION],
        responses=shapes.OfferSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        now = clock.now()
        found = shelf.on_sale(self.viewer(request, now), now)
        return Response(shapes.OfferSerializer(found, many=True).data)


class OfferView(_OffersView):
    @extend_schema(
        operation_id="offers_read",
        summary=_("一项产品的资费、条件和关系"),
        parameters=[_ACCOUNT, _REGION],
        responses=shapes.WholeOfferSerializer,
    )
    def get(self, request: Request, offer_code: str) -> Response:
        now = clock.now()
        found = shelf.one(offer_code, self.viewer(request, now), now)
        if found is None:
            raise NotFound()
        return Response(shapes.WholeOfferSerializer(found).data)


class PriceView(_OffersView):
    @extend_schema(
        operation_id="offers_price",
        summary=_("某一天的价格，以及从哪一天起变化"),
        parameters=[_ACCOUNT, _REGION, _ON],
        responses=shapes.PricedSerializer(many=True),
    )
    def get(self, request: Request, offer_code: str) -> Response:
        now = clock.now()
        viewer = self.viewer(request, now)
        if shelf.one(offer_code, viewer, now) is None:
            raise NotFound()
        on = self.asked(request).get("on") or clock.local_date(now)
        found = shelf.price_of(offer_code, books.book(viewer.region_id, viewer.kind), on)
        return Response(shapes.PricedSerializer(found.everything, many=True).data)
