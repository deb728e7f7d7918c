"""The hall's operations as an open interface: the same operations, quotes, refusals and slips as on the pages."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from knox.models import AuthToken
from knox.settings import knox_settings
from rest_framework.authentication import SessionAuthentication
from rest_framework.generics import ListAPIView
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from core import clock
from core.errors import HallError
from operations import inputs, registry, traces
from operations.api import serializers as shapes
from operations.api.authentication import HallTokenAuthentication
from operations.api.describe import describe
from operations.api.parsers import StrictJSONParser
from operations.context import Context, client_address
from operations.models import Channel, Slip, SlipQuerySet
from operations.selectors import slips as slip_selectors
from operations.services import slips

KEY_HEADER = "Idempotency-Key"
_ERRORS: dict[int, type[BaseSerializer[Any]]] = dict.fromkeys(
    (400, 401, 403, 404, 409, 422, 429), shapes.ErrorSerializer
)


class TooManyTokens(HallError):
    code = "TOO_MANY_TOKENS"
    message = _("令牌数量已达上限，请先撤销不用的令牌")
    status = 409


class HallApiView(APIView):
    # The docstrings of views would be shown in the API's description; comments are not.
    # Token first, so that an anonymous caller is told 401 and how to authenticate.
    authentication_classes = (HallTokenAuthentication, SessionAuthentication)
    parser_classes = (StrictJSONParser,)

    def ctx(self, request: Request) -> Context:
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
    @extend_schema(
        operation_id="operations_list",
        summary=_("可以办理的业务"),
        responses={200: shapes.OperationSerializer(many=True)} | _ERRORS,
    )
    def get(self, request: Request) -> Response:
        ctx = self.ctx(request)
        return Response([describe(operation, ctx) for operation in registry.available(ctx)])


class QuoteView(HallApiView):
    @extend_schema(
        operation_id="operations_quote",
        summary=_("报价：价格、生效日期、会发生什么"),
        request=shapes.DataSerializer,
        responses={200: shapes.QuotedSerializer} | _ERRORS,
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
        responses={200: shapes.CodeSentSerializer} | _ERRORS,
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
        responses={201: shapes.SlipSerializer} | _ERRORS,
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


class RequestPages(PageNumberPagination):
    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100


@extend_schema_view(
    get=extend_schema(
        operation_id="requests_list",
        summary=_("我的办理"),
        responses={200: shapes.SlipSerializer(many=True)} | _ERRORS,
    )
)
class RequestsView(HallApiView, ListAPIView[Slip]):
    serializer_class = shapes.SlipSerializer
    pagination_class = RequestPages

    def get_queryset(self) -> SlipQuerySet:
        return slip_selectors.of_user(self.request.user)


class RequestView(HallApiView):
    @extend_schema(
        operation_id="requests_read",
        summary=_("一张受理单"),
        responses={200: shapes.SlipSerializer} | _ERRORS,
    )
    def get(self, request: Request, number: str) -> Response:
        slip = slip_selectors.one_of_user(request.user, number)
        return Response(shapes.SlipSerializer(slip, context={"request": request}).data)


class TokensView(APIView):
    # Tokens are made and revoked by somebody who logged in on the web, never by a token.
    authentication_classes = (SessionAuthentication,)
    parser_classes = (StrictJSONParser,)

    @extend_schema(
        operation_id="tokens_list",
        summary=_("我的令牌"),
        responses={200: shapes.TokenSerializer(many=True)} | _ERRORS,
    )
    def get(self, request: Request) -> Response:
        rows = AuthToken.objects.filter(user=request.user).order_by("-created")
        return Response(shapes.TokenSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="tokens_create",
        summary=_("新建令牌；完整令牌只显示这一次"),
        request=None,
        responses={201: shapes.NewTokenSerializer} | _ERRORS,
    )
    def post(self, request: Request) -> Response:
        alive = AuthToken.objects.filter(user=request.user, expiry__gt=clock.now())
        if alive.count() >= knox_settings.TOKEN_LIMIT_PER_USER:
            raise TooManyTokens()
        row, token = AuthToken.objects.create(
            request.user, expiry=knox_settings.TOKEN_TTL, prefix=knox_settings.TOKEN_PREFIX
        )
        return Response(shapes.TokenSerializer(row).data | {"token": token}, status=201)


class TokenView(APIView):
    authentication_classes = (SessionAuthentication,)

    @extend_schema(operation_id="tokens_revoke", summary=_("撤销令牌"), responses={204: None} | _ERRORS)
    def delete(self, request: Request, token_key: str) -> Response:
        get_object_or_404(AuthToken, user=request.user, token_key=token_key).delete()
        return Response(status=204)
