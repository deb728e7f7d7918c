"""What a customer sees on his pages, as JSON: only his own; anything else is 404."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Membership
from accounts.selectors import inbox
from billing.api import serializers as shapes
from billing.models import Bill, Payment, Receipt
from billing.selectors import balances, interface
from billing.selectors import bills as bill_reads
from core import clock
from notices.models import Channel, Message
from operations.api import scopes
from operations.api.paging import Pages
from operations.api.views import HallApiView

_ACCOUNT = OpenApiParameter("account", str, description=_("只要这个户号的"))
_OPEN = OpenApiParameter("open", bool, description=_("true：只要还没缴清的"))


class _Filters(serializers.Serializer[Any]):
    account = serializers.CharField(required=False, allow_blank=True, max_length=32)
    open = serializers.ChoiceField(required=False, choices=[("true", "true"), ("false", "false")])


M = TypeVar("M", bound=Model)


class _Listed(HallApiView, ListAPIView[M]):
    pagination_class = Pages
    scope = scopes.READ
    filters_class: type[_Filters] = _Filters

    def filters(self) -> dict[str, Any]:
        """What was asked for in the query; raises ValidationError."""
        checked = self.filters_class(data=self.request.query_params.dict())
        checked.is_valid(raise_exception=True)
        given: dict[str, Any] = checked.validated_data
        return given


@extend_schema_view(get=extend_schema(operation_id="accounts_list", summary=_("我的户号，欠多少、余多少")))
class AccountsView(_Listed[Membership]):
    serializer_class = shapes.AccountSerializer
    ordering = ("account__number",)

    def get_queryset(self) -> "QuerySet[Membership]":
        return interface.accounts(self.request.user)

    def paginate_queryset(self, queryset: Any) -> Any:
        self._page = super().paginate_queryset(queryset)
        return self._page

    def get_serializer_context(self) -> dict[str, Any]:
        accounts = [row.account for row in getattr(self, "_page", [])]
        today = clock.local_date(clock.now())
        found = balances.of_accounts(accounts, today=today)
        return {**super().get_serializer_context(), "overviews": {one.account.pk: one for one in found}}


@extend_schema_view(
    get=extend_schema(
        operation_id="bills_list", summary=_("我的账单，新的在前"), parameters=[_ACCOUNT, _OPEN]
    )
)
class BillsView(_Listed[Bill]):
    serializer_class = shapes.BillSerializer
    ordering = ("-issued_on", "-id")

    def get_queryset(self) -> "QuerySet[Bill]":
        given = self.filters()
        return interface.bills(
            self.request.user, account=given.get("account", ""), only_open=given.get("open") == "true"
        )


class BillView(HallApiView):
    scope = scopes.READ

    @extend_schema(
        operation_id="bills_read", summary=_("一张账单及明细"), responses=shapes.WholeBillSerializer
    )
    def get(self, request: Request, number: str) -> Response:
        return Response(shapes.WholeBillSerializer(bill_reads.get(request.user, number)).data)


@extend_schema_view(
    get=extend_schema(operation_id="receipts_list", summary=_("我的收据，新的在前"), parameters=[_ACCOUNT])
)
class ReceiptsView(_Listed[Receipt]):
    serializer_class = shapes.ReceiptSerializer
    ordering = ("-paid_at", "-id")

    def get_queryset(self) -> "QuerySet[Receipt]":
        return interface.receipts(self.request.user, account=self.filters().get("account", ""))


class ReceiptView(HallApiView):
    scope = scopes.READ

    @extend_schema(
        operation_id="receipts_read",
        summary=_("一张收据及销账去向"),
        responses=shapes.WholeReceiptSerializer,
    )
    def get(self, request: Request, number: str) -> Response:
        return Response(shapes.WholeReceiptSerializer(interface.receipt(request.user, number)).data)


@extend_schema_view(
    get=extend_schema(operation_id="payments_list", summary=_("我的支付，新的在前"), parameters=[_ACCOUNT])
)
class PaymentsView(_Listed[Payment]):
    serializer_class = shapes.PaymentSerializer
    ordering = ("-created_at", "-id")

    def get_queryset(self) -> "QuerySet[Payment]":
        return interface.payments(self.request.user, account=self.filters().get("account", ""))


class PaymentView(HallApiView):
    scope = scopes.READ

    @extend_schema(
        operation_id="payments_read", summary=_("一笔支付的状态"), responses=shapes.PaymentSerializer
    )
    def get(self, request: Request, reference: str) -> Response:
        return Response(shapes.PaymentSerializer(interface.payment(request.user, reference)).data)


class _MessageFilters(_Filters):
    channel = serializers.ChoiceField(required=False, choices=Channel.choices)
    unread = serializers.ChoiceField(required=False, choices=[("true", "true"), ("false", "false")])


@extend_schema_view(
    get=extend_schema(
        operation_id="messages_list",
        summary=_("发给我的通知，新的在前"),
        parameters=[
            _ACCOUNT,
            OpenApiParameter("channel", str, enum=Channel.values, description=_("只要这个渠道的")),
            OpenApiParameter("unread", bool, description=_("true：只要未读的")),
        ],
    )
)
class MessagesView(_Listed[Message]):
    serializer_class = shapes.MessageSerializer
    filters_class = _MessageFilters
    ordering = ("-id",)

    @cached_property
    def inbox(self) -> inbox.Inbox:
        return inbox.of(self.request.user)

    def get_queryset(self) -> "QuerySet[Message]":
        given = self.filters()
        account = interface.own_number(self.request.user, given.get("account", ""))
        wanted = inbox.Filter(given.get("channel", ""), account, given.get("unread") == "true")
        return self.inbox.filtered(wanted)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "up_to": self.inbox.up_to}
