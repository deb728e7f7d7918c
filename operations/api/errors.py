"""One shape for whatever goes wrong: {"error": {"code", "message", "fields", "slip_number"}} with the HTTP status."""

import logging
from typing import Any

from django.http import JsonResponse
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from core.errors import HallError
from operations.services.slips import QuoteChanged, Unexpected

log = logging.getLogger(__name__)
_CODES = {
    exceptions.NotAuthenticated: ("NOT_AUTHENTICATED", _("请先登录，或提供有效的令牌")),
    exceptions.AuthenticationFailed: ("NOT_AUTHENTICATED", _("令牌无效或已过期")),
    exceptions.ParseError: ("BAD_JSON", _("请求内容不是有效的 JSON")),
    exceptions.UnsupportedMediaType: ("UNSUPPORTED_MEDIA_TYPE", _("请求内容须为 application/json")),
    exceptions.MethodNotAllowed: ("METHOD_NOT_ALLOWED", _("这个地址不支持该请求方法")),
    exceptions.NotFound: ("NOT_FOUND", _("没有找到，请核对后再试")),
    exceptions.Throttled: ("TOO_MANY_REQUESTS", _("操作太频繁，请稍后再试")),
    exceptions.ValidationError: ("INVALID_INPUT", _("填写的内容有误，请检查后再提交")),
    exceptions.PermissionDenied: ("FORBIDDEN", None),  # None: its own text, e.g. a missing CSRF token
}


def body(code: str, message: str, *, fields: Any = None, slip_number: str = "") -> dict[str, Any]:
    """The answer's JSON."""
    return {"error": {"code": code, "message": message, "fields": fields or {}, "slip_number": slip_number}}


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """The answer to any error of an API view; what is not expected is logged and told as ERROR."""
    if isinstance(error, HallError):
        return _of_hall(error)
    response = exception_handler(error, context)  # knows DRF's errors, Http404 and PermissionDenied
    if response is None:
        log.error("api view failed", exc_info=error, extra={"view": type(context.get("view")).__name__})
        return _of_hall(Unexpected())
    response.data = _of_framework(error, response)
    return response


def not_found(request: Any) -> JsonResponse:
    """For addresses below /api/ that are none."""
    code, message = _CODES[exceptions.NotFound]
    return JsonResponse(body(code, str(message)), status=404)


def _of_hall(error: HallError) -> Response:
    set_rollback()
    data = body(error.code, error.text, fields=getattr(error, "fields", None), slip_number=error.slip_number)
    if isinstance(error, QuoteChanged):
        quoted = error.quoted
        data["error"]["quote"] = quoted.quote.as_json() | {"digest": quoted.digest}
    return Response(data, status=error.status)


def _of_framework(error: Exception, response: Response) -> dict[str, Any]:
    known = error if isinstance(error, exceptions.APIException) else exceptions.NotFound()
    if response.status_code == 403:
        known = error if isinstance(error, exceptions.PermissionDenied) else exceptions.PermissionDenied()
    for kind in type(known).__mro__:
        if kind in _CODES:
            code, message = _CODES[kind]
            fields = known.detail if isinstance(known, exceptions.ValidationError) else None
            return body(code, str(message or known.detail), fields=fields)
    return body("ERROR", str(known.detail))
