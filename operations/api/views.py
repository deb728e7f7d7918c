"""The hall's operations as an open interface: the same operations, quotes, refusals and slips as on the pages."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from core import clock
from operations import flow, inputs, registry, traces
from operations.api import scopes
from operations.api import serializers as shapes
from operations.api.describe import describe
from operations.api.paging import Pages
from operations.context import Context, client_address
from operations.models import Channel, Slip, SlipQuerySet
from operations.selectors import slips as slip_selectors
from operations.services import slips
from operations.serving import present

KEY_HEADER = "Idempotency-Key"


class HallApiView(APIView):
    # The docstrings of views would be shown in the API's description; comments are not.
    scope = "none"  # what a token must be allowed; see operations.api.scopes

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """What belongs to somebody is kept by no cache on the way."""
        response.headers.setdefault("Cache-Control", "private, no-store")
        return super().finalize_response(request, response, *args, **kwargs)

    def ctx(self, request: Request) -> Context:
        if request.auth is None and present.session_of(request._request) is not None:
            return flow.context_of(request._request)  # staff who serve a customer: the same as on the pages
        return Context(
            user=request.user,
            channel=Channel.API,
            as_of=clock.now(),
            address=client_address(request._request),
        )


def _checked(shape: type[BaseSerializer[Any]], request: Request) -> dict[str, Any]:
    serializer = shape(data=request.data)
    serializer.is_valid(raise_exception=True)
    checked: dict[str, Any] = serializer.validated_data
    return checked


class OperationsView(HallApiView):
    scope = scopes.ANY

    @extend_schema(
        operation_id="operations_list",
        summary=_("可以办理的业务"),
        responses={200: shapes.OperationSerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        ctx = self.ctx(request)
        return Response([describe(operation, ctx) for operation in registry.available(ctx)])


class QuoteView(HallApiView):
    @extend_schema(
        operation_id="operations_quote",
        summary=_("报价：价格、生效日期、会发生什么"),
        request=shapes.DataSerializer,
        responses={200: shapes.QuotedSerializer},
    )
    def post(self, request: Request, code: str) -> Response:
        ctx, raw = self.ctx(request), _checked(shapes.DataSerializer, request)["data"]
        quoted = slips.quote(operation=code, ctx=ctx, raw=raw)
        return Response(
            {
                "quote": quoted.quote.as_json(),
                "quote_digest": quoted.digest,
                "confirmation": quoted.confirmation_needed.value,
                "data": inputs.kept(quoted.operation, quoted.cleaned),
                "trace": traces.Trace(ctx.as_of, ctx.as_of).signed(),
            }
        )


class CodeView(HallApiView):
    @extend_schema(
        operation_id="operations_code",
        summary=_("发送确认用的短信验证码"),
        request=shapes.DataSerializer,
        responses={200: shapes.CodeSentSerializer},
    )
    def post(self, request: Request, code: str) -> Response:
        raw = _checked(shapes.DataSerializer, request)["data"]
        sent_to = slips.send_code(operation=code, ctx=self.ctx(request), raw=raw)
        return Response({"sent_to": sent_to})


class SubmitView(HallApiView):
    @extend_schema(
        operation_id="operations_submit",
        summary=_("提交办理；同一编号重复提交只办一次"),
        parameters=[
            OpenApiParameter(
                KEY_HEADER, str, OpenApiParameter.HEADER, required=True, description=_("8 到 80 个字符")
            )
        ],
        request=shapes.SubmitSerializer,
        responses={201: shapes.SlipSerializer},
    )
    def post(self, request: Request, code: str) -> Response:
        ctx, given = self.ctx(request), _checked(shapes.SubmitSerializer, request)
        trace = traces.read(given.get("trace", ""), as_of=ctx.as_of)
        slip = slips.submit(
            operation=code,
            ctx=ctx,
            raw=given["data"],
            quote_digest=given["quote_digest"],
            confirmation=given["confirmation"],
            idempotency_key=request.headers.get(KEY_HEADER, ""),
            started_at=trace.started_at,
            quoted_at=trace.quoted_at,
        )
        return Response(shapes.SlipSerializer(slip, context={"request": request}).data, status=201)


@extend_schema_view(
    get=extend_schema(
        operation_id="requests_list",
        summary=_("我的办理"),
        responses={200: shapes.SlipSerializer(many=True)},
    )
)
class RequestsView(HallApiView, ListAPIView[Slip]):
    serializer_class = shapes.SlipSerializer
    pagination_class = Pages
    ordering = ("-started_at", "-pk")
    scope = scopes.READ

    def get_queryset(self) -> SlipQuerySet:
        return slip_selectors.of_user(self.request.user)


class RequestView(HallApiView):
    scope = scopes.READ

    @extend_schema(
        operation_id="requests_read",
        summary=_("一张受理单"),
        responses={200: shapes.SlipSerializer},
    )
    def get(self, request: Request, number: str) -> Response:
        slip = slip_selectors.one_of_user(request.user, number)
        return Response(shapes.SlipSerializer(slip, context={"request": request}).data)
