"""The shapes of the API. Of what is asked only the frame is checked here; the operation's own form does the rest."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from operations import texts
from operations.context import Confirmation
from operations.models import Channel, Slip, SlipState
from operations.templatetags.slips import operation_title, quote_shown


class ChoiceSerializer(serializers.Serializer[Any]):
    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the base class has attributes of such names


class FieldSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.CharField(
        help_text="text, integer, decimal, boolean, date, datetime, email, json, choice, choices"
    )
    label = serializers.CharField()  # type: ignore[assignment]
    help_text = serializers.CharField()  # type: ignore[assignment]
    required = serializers.BooleanField()  # type: ignore[assignment]
    max_length = serializers.IntegerField(allow_null=True)
    initial = serializers.JSONField()
    choices = ChoiceSerializer(many=True, allow_null=True)


class OperationSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    version = serializers.IntegerField()
    title = serializers.CharField()
    summary = serializers.CharField()
    confirmation = serializers.ChoiceField(choices=Confirmation.choices)
    fields = FieldSerializer(many=True)  # type: ignore[assignment]


class DataSerializer(serializers.Serializer[Any]):
    data = serializers.DictField(help_text=_("名称与值，见业务列表里的 fields"))  # type: ignore[assignment]


class QuoteLineSerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]
    amount_cents = serializers.IntegerField(allow_null=True)
    value = serializers.CharField()


class QuoteSerializer(serializers.Serializer[Any]):
    price_cents = serializers.IntegerField(help_text=_("分"))
    effective_on = serializers.DateField()
    lines = QuoteLineSerializer(many=True)
    warnings = serializers.ListField(child=serializers.CharField())
    outcome = serializers.CharField()


class QuotedSerializer(serializers.Serializer[Any]):
    quote = QuoteSerializer()
    quote_digest = serializers.CharField()
    confirmation = serializers.ChoiceField(choices=Confirmation.choices)
    data = serializers.DictField(help_text=_("按业务表单理解后的内容"))  # type: ignore[assignment]
    trace = serializers.CharField(help_text=_("提交时可带回，用于记录报价时间"))


class CodeSentSerializer(serializers.Serializer[Any]):
    sent_to = serializers.CharField(help_text=_("打码后的号码；不便告知时为空"))


class ConfirmationSerializer(serializers.Serializer[Any]):
    agreed = serializers.ChoiceField(choices=[("yes", "yes")], required=False)
    code = serializers.CharField(required=False, max_length=20, allow_blank=True)
    other_code = serializers.CharField(required=False, max_length=20, allow_blank=True)


class SubmitSerializer(DataSerializer):
    quote_digest = serializers.CharField(max_length=64)
    confirmation = ConfirmationSerializer()
    trace = serializers.CharField(required=False, allow_blank=True, max_length=500)


class ResultSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    url = serializers.CharField(help_text=_("顾客接下来去的地址，可为空"))
    data = serializers.DictField()  # type: ignore[assignment]


class RefusalSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class SubjectSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    id = serializers.CharField()


# A slip as its owner may see it: no customer, no address, no evidence.
class SlipSerializer(serializers.Serializer[Slip]):
    number = serializers.CharField()
    operation = serializers.CharField()
    operation_version = serializers.IntegerField()
    title = serializers.SerializerMethodField()
    state = serializers.ChoiceField(choices=SlipState.choices)
    state_label = serializers.CharField(source="get_state_display")
    channel = serializers.ChoiceField(choices=Channel.choices)
    price_cents = serializers.IntegerField(allow_null=True)
    quote = serializers.SerializerMethodField()
    result = serializers.SerializerMethodField()
    refusal = serializers.SerializerMethodField()
    subject = serializers.SerializerMethodField()
    started_at = serializers.DateTimeField()
    quoted_at = serializers.DateTimeField(allow_null=True)
    confirmed_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_title(self, slip: Slip) -> str:
        return operation_title(slip)

    @extend_schema_field(QuoteSerializer(allow_null=True))
    def get_quote(self, slip: Slip) -> dict[str, Any] | None:
        return {name: value for name, value in quote_shown(slip).items() if name != "shown"} or None

    @extend_schema_field(ResultSerializer)
    def get_result(self, slip: Slip) -> dict[str, Any]:
        url = slip.result.get("url", "")
        request = self.context.get("request")
        return {
            "text": texts.in_reader_language(slip.result.get("text", "")),
            "url": request.build_absolute_uri(url) if url and request else url,
            "data": slip.result.get("data", {}),
        }

    @extend_schema_field(RefusalSerializer(allow_null=True))
    def get_refusal(self, slip: Slip) -> dict[str, str] | None:
        if not slip.refusal_code:
            return None
        return {
            "code": slip.refusal_code,
            "message": texts.in_reader_language(slip.result.get("text", slip.refusal_text)),
        }

    @extend_schema_field(SubjectSerializer(allow_null=True))
    def get_subject(self, slip: Slip) -> dict[str, str] | None:
        return {"kind": slip.subject_kind, "id": slip.subject_id} if slip.subject_kind else None


class ErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text=_("固定不变，见 docs/api-errors.md"))
    message = serializers.CharField(help_text=_("给人看的一句话，语言随 Accept-Language"))
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()), help_text=_("每个填写项的说明")
    )
    slip_number = serializers.CharField(help_text=_("这次未受理留下的受理编号，可为空"))
    quote = QuoteSerializer(required=False, help_text=_("仅当 code 为 QUOTE_CHANGED"))
