"""The shapes of orders as their customers read them. Amounts in fen; numbers are those on paper, never keys."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from catalog.orders.models import LineAction, LineState, Order, OrderState
from operations.models import Channel


class OrderLineSerializer(serializers.Serializer[Any]):
    action = serializers.ChoiceField(choices=LineAction.choices)
    offer = serializers.CharField(source="offer.code")
    offer_name = serializers.CharField(source="offer")
    state = serializers.ChoiceField(choices=LineState.choices)
    amount_cents = serializers.IntegerField(help_text=_("随订单一次收取的部分"))
    effective_on = serializers.DateField()


class OrderSerializer(serializers.Serializer[Order]):
    number = serializers.CharField()
    account = serializers.CharField(source="account.number")
    slip = serializers.CharField(source="slip_number")
    channel = serializers.ChoiceField(choices=Channel.choices)
    state = serializers.ChoiceField(choices=OrderState.choices)
    state_label = serializers.CharField(source="get_state_display")
    bill = serializers.CharField(source="bill.number", allow_null=True, default=None)
    submitted_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(allow_null=True, help_text=_("付款期限；不用等付款时为空"))
    promised_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    lines = OrderLineSerializer(many=True)


class OrderStepSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=OrderState.choices, source="to_state")
    at = serializers.DateTimeField()


class WholeOrderSerializer(serializers.Serializer[Any]):
    order = OrderSerializer()
    steps = OrderStepSerializer(many=True, help_text=_("新的在前"))
    next_step = serializers.CharField(help_text=_("接下来会怎样；已结束时为空"))
    next_at = serializers.DateTimeField(allow_null=True)
