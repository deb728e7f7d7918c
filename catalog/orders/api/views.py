"""Orders as JSON: only the reader's own; anything else is 404. What can be done is in the operations."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.orders.api import serializers as shapes
from catalog.orders.models import Order, OrderState
from catalog.orders.selectors import orders as reads
from operations.api import scopes
from operations.api.paging import Pages
from operations.api.views import HallApiView


class _Filters(serializers.Serializer[Any]):
    account = serializers.CharField(required=False, allow_blank=True, max_length=32)
    state = serializers.ChoiceField(required=False, choices=OrderState.choices)


@extend_schema_view(
    get=extend_schema(
        operation_id="orders_list",
        summary=_("我的订单，新的在前"),
        parameters=[
            OpenApiParameter("account", str, description=_("只要这个户号的")),
            OpenApiParameter("state", str, enum=OrderState.values, description=_("只要这个状态的")),
        ],
    )
)
class OrdersView(HallApiView, ListAPIView[Order]):
    serializer_class = shapes.OrderSerializer
    pagination_class = Pages
    ordering = ("-submitted_at", "-id")
    scope = scopes.READ

    def get_queryset(self) -> "QuerySet[Order]":
        checked = _Filters(data=self.request.query_params.dict())
        checked.is_valid(raise_exception=True)
        given: dict[str, Any] = checked.validated_data
        found: QuerySet[Order] = reads.of_user(self.request.user)
        if given.get("account"):
            found = found.filter(account__number=given["account"])
        return found.filter(state=given["state"]) if given.get("state") else found


class OrderView(HallApiView):
    scope = scopes.READ

    @extend_schema(
        operation_id="orders_read",
        summary=_("一个订单、它的经过和下一步"),
        responses=shapes.WholeOrderSerializer,
    )
    def get(self, request: Request, number: str) -> Response:
        return Response(shapes.WholeOrderSerializer(reads.one(request.user, number)).data)
