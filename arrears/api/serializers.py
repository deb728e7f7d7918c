"""The shapes of arrears as their customers read them. Amounts in fen; numbers are those on paper, never keys."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.templatetags.inbox import masked_address
from arrears import words
from arrears.choices import Hold, Stage, Wait
from arrears.selectors.outlook import Kept, Outlook
from arrears.selectors.timeline import Event
from arrears.templatetags.arrears import event_title
from billing.models import BillKind
from notices.models import Channel, DeliveryState


class ArrearsHoldSerializer(serializers.Serializer[Any]):
    hold = serializers.ChoiceField(choices=Hold.choices)
    until = serializers.DateField(help_text=_("最后一天；异议和支付在有结果以前一直有效"))
    text = serializers.CharField()


class AheadSerializer(serializers.Serializer[Any]):
    stage = serializers.ChoiceField(choices=Stage.choices)
    on = serializers.DateField(help_text=_("一直不缴费时最早的日子"))


class KeptSerializer(serializers.Serializer[Kept]):
    line = serializers.CharField(help_text=_("订购编号"))
    number = serializers.CharField(source="service_number")
    until = serializers.DateField(help_text=_("还可以恢复的最后一天"))


class OutlookSerializer(serializers.Serializer[Outlook]):
    account = serializers.CharField(source="number")
    stage = serializers.ChoiceField(choices=Stage.choices)
    stage_label = serializers.CharField(source="stage.label")
    since = serializers.DateField(source="facts.since", allow_null=True)
    suspended_on = serializers.DateField(
        source="facts.suspended_on", allow_null=True, help_text=_("这一次欠费的停机日；没有停过时为空")
    )
    owed_cents = serializers.IntegerField(help_text=_("计入欠费的部分：不含有异议的账单，已减去余额"))
    due_on = serializers.DateField(source="facts.due_on", allow_null=True, help_text=_("最早未缴的截止日"))
    text = serializers.SerializerMethodField(help_text=_("和页面上一样的一句话；没有欠费时为空"))
    holds = serializers.SerializerMethodField(help_text=_("使处理暂缓的原因"))
    waits = serializers.ListField(
        child=serializers.ChoiceField(choices=Wait.choices), help_text=_("进入下一阶段还要等的条件")
    )
    ahead = serializers.SerializerMethodField()
    kept = KeptSerializer(many=True, help_text=_("拆机后为原用户保留的号码"))

    def get_text(self, row: Outlook) -> str:
        return words.said(row).text if row.is_concerned else ""

    @extend_schema_field(ArrearsHoldSerializer(many=True))
    def get_holds(self, row: Outlook) -> list[dict[str, Any]]:
        return [
            {"hold": hold, "until": until.isoformat(), "text": words.hold(hold, until, row)}
            for hold, until in row.holds
        ]

    @extend_schema_field(AheadSerializer(many=True))
    def get_ahead(self, row: Outlook) -> list[dict[str, Any]]:
        return [{"stage": stage, "on": day.isoformat()} for stage, day in row.days.items()]


class CountingBillSerializer(serializers.Serializer[Any]):
    number = serializers.CharField()
    kind = serializers.ChoiceField(choices=BillKind.choices)
    due_on = serializers.DateField()
    open_cents = serializers.IntegerField()
    is_disputed = serializers.SerializerMethodField(help_text=_("有异议的不计入欠费"))

    def get_is_disputed(self, row: Any) -> bool:
        return bool(row.disputed)


class ToldSerializer(serializers.Serializer[Any]):
    channel = serializers.ChoiceField(choices=Channel.choices)
    address = serializers.SerializerMethodField(help_text=_("打码后的地址"))
    state = serializers.ChoiceField(choices=DeliveryState.choices)
    sent_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)

    def get_address(self, row: Any) -> str:
        return masked_address(row)


class EventSerializer(serializers.Serializer[Event]):
    on = serializers.DateField()
    title = serializers.SerializerMethodField()
    stage = serializers.CharField(help_text=_("进入的阶段；通知为空"))
    notice = serializers.CharField(source="code", help_text=_("通知的种类；阶段为空"))
    deliveries = ToldSerializer(many=True, help_text=_("每个联系方式收到没有"))

    def get_title(self, row: Event) -> str:
        return event_title(row)


class CaseSerializer(serializers.Serializer[Any]):
    number = serializers.CharField()
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    close_reason = serializers.CharField(help_text=_("还没结束时为空"))
    highest_stage = serializers.ChoiceField(choices=Stage.choices)


class WholeOutlookSerializer(serializers.Serializer[Any]):
    outlook = OutlookSerializer()
    bills = CountingBillSerializer(many=True, help_text=_("没有缴清的账单，最早的在前"))
    events = EventSerializer(many=True, help_text=_("最近一次欠费的经过，新的在前"))
    cases = CaseSerializer(many=True, help_text=_("最近十次欠费，新的在前"))
