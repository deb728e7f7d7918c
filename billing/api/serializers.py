"""The shapes of what customers read. Amounts in fen; numbers are those on paper, never keys."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import Membership
from accounts.selectors import inbox
from accounts.templatetags.inbox import kind_title, masked_address, state_words, text
from billing.models import Bill, BillKind, Payment, PaymentPurpose, PaymentState, Receipt
from billing.selectors.balances import AccountOverview
from notices.models import Channel, DeliveryState, Message

Fen = serializers.IntegerField


class AccountSerializer(serializers.Serializer[Membership]):
    number = serializers.CharField(source="account.number")
    customer_name = serializers.CharField(source="account.customer.name")
    role = serializers.ChoiceField(choices=Membership.Role.choices)
    owed_cents = serializers.SerializerMethodField(help_text=_("未缴账单合计，不含尚未出账的违约金"))
    penalty_cents = serializers.SerializerMethodField()
    credit_cents = serializers.SerializerMethodField()
    open_bills = serializers.SerializerMethodField()
    earliest_due_on = serializers.SerializerMethodField()

    def _overview(self, row: Membership) -> AccountOverview:
        found: AccountOverview = self.context["overviews"][row.account_id]
        return found

    def get_owed_cents(self, row: Membership) -> int:
        return self._overview(row).owed_cents

    def get_penalty_cents(self, row: Membership) -> int:
        return self._overview(row).penalty_cents

    def get_credit_cents(self, row: Membership) -> int:
        return self._overview(row).credit_cents

    def get_open_bills(self, row: Membership) -> int:
        return self._overview(row).open_bills

    @extend_schema_field(serializers.DateField(allow_null=True))
    def get_earliest_due_on(self, row: Membership) -> str | None:
        due_on = self._overview(row).earliest_due_on
        return due_on.isoformat() if due_on else None


class BillSerializer(serializers.Serializer[Bill]):
    number = serializers.CharField()
    account = serializers.CharField(source="account.number")
    kind = serializers.ChoiceField(choices=BillKind.choices)
    kind_label = serializers.CharField(source="get_kind_display")
    period = serializers.CharField(help_text=_("2026-11；订购账单为空"))
    issued_on = serializers.DateField()
    due_on = serializers.DateField()
    total_cents = Fen()
    paid_cents = Fen()
    adjusted_cents = Fen()
    open_cents = Fen()


class LineSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    text = serializers.CharField()
    amount_cents = Fen()


class SettledBySerializer(serializers.Serializer[Any]):
    receipt = serializers.CharField(source="receipt.number")
    amount_cents = Fen()
    effective_on = serializers.DateField()


class WholeBillSerializer(BillSerializer):
    lines = LineSerializer(many=True)
    allocations = SettledBySerializer(many=True)


class ReceiptSerializer(serializers.Serializer[Receipt]):
    number = serializers.CharField()
    account = serializers.CharField(source="account.number")
    gateway = serializers.CharField()
    amount_cents = Fen()
    refunded_cents = Fen()
    paid_at = serializers.DateTimeField()


class SettledSerializer(serializers.Serializer[Any]):
    bill = serializers.CharField(source="bill.number")
    amount_cents = Fen()
    effective_on = serializers.DateField()


class WholeReceiptSerializer(ReceiptSerializer):
    allocations = SettledSerializer(many=True, help_text=_("为他人缴费时为空"))


class PaymentSerializer(serializers.Serializer[Payment]):
    reference = serializers.CharField()
    account = serializers.CharField(source="account.number")
    gateway = serializers.CharField()
    purpose = serializers.ChoiceField(choices=PaymentPurpose.choices)
    amount_cents = Fen()
    state = serializers.ChoiceField(choices=PaymentState.choices)
    state_label = serializers.CharField(source="get_state_display")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    succeeded_at = serializers.DateTimeField(allow_null=True)


class DeliverySerializer(serializers.Serializer[Any]):
    channel = serializers.ChoiceField(choices=Channel.choices)
    address = serializers.SerializerMethodField(help_text=_("打码后的地址"))
    body = serializers.CharField(help_text=_("原文；验证码类为空"))
    state = serializers.ChoiceField(choices=DeliveryState.choices)
    sent_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)

    def get_address(self, row: Any) -> str:
        return masked_address(row)


class MessageSerializer(serializers.Serializer[Message]):
    code = serializers.CharField()
    title = serializers.SerializerMethodField(help_text=_("这是什么通知"))
    language = serializers.CharField()
    created_at = serializers.DateTimeField()
    text = serializers.SerializerMethodField(help_text=_("原文；验证码类为空"))
    state = serializers.SerializerMethodField(help_text=_("最好的一条渠道到了哪一步"))
    state_label = serializers.SerializerMethodField()
    is_unread = serializers.SerializerMethodField()
    deliveries = DeliverySerializer(many=True)

    def get_title(self, row: Message) -> str:
        return str(kind_title(row))

    def get_text(self, row: Message) -> str:
        return text(row)

    @extend_schema_field(serializers.ChoiceField(choices=DeliveryState.choices))
    def get_state(self, row: Message) -> str:
        return inbox.state(row)

    def get_state_label(self, row: Message) -> str:
        return str(state_words(row))

    def get_is_unread(self, row: Message) -> bool:
        return bool(row.pk > self.context["up_to"])
