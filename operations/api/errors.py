"""Whatever goes wrong in a view of the interface, in the one shape of core.json_errors."""

import logging
from collections.abc import Iterator
from typing import Any

from django.http import JsonResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from core import json_errors
from core.errors import HallError, NotFound
from operations.services.slips import QuoteChanged, Unexpected

log = logging.getLogger(__name__)
_Known = tuple[str, str | Promise | None]
_CODES: dict[type[exceptions.APIException], _Known] = {
    exceptions.NotAuthenticated: ("NOT_AUTHENTICATED", _("请先登录，或提供有效的令牌")),
    exceptions.AuthenticationFailed: ("NOT_AUTHENTICATED", _("令牌无效或已过期")),
    exceptions.ParseError: ("BAD_JSON", _("请求内容不是有效的 JSON")),
    exceptions.UnsupportedMediaType: ("UNSUPPORTED_MEDIA_TYPE", _("请求内容须为 application/json")),
    exceptions.NotAcceptable: ("NOT_ACCEPTABLE", _("只能以 application/json 作答")),
    exceptions.MethodNotAllowed: ("METHOD_NOT_ALLOWED", _("这个地址不支持该请求方法")),
    exceptions.NotFound: ("NOT_FOUND", _("没有找到，请核对后再试")),
    exceptions.Throttled: ("TOO_MANY_REQUESTS", _("操作太频繁，请稍后再试")),
    exceptions.ValidationError: ("INVALID_INPUT", _("填写的内容有误，请检查后再提交")),
    exceptions.PermissionDenied: ("FORBIDDEN", None),  # None: its own text, e.g. a missing CSRF token
}


def framework_codes() -> Iterator[tuple[str, int, str]]:
    """(code, status, sentence) of what the framework itself refuses, for the documentation."""
    for kind, (code, message) in _CODES.items():
        yield code, kind.status_code, str(message or _("您没有办理这项业务的权限"))


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
    return json_errors.answer(NotFound())


def _of_hall(error: HallError) -> Response:
    set_rollback()
    fields = getattr(error, "fields", None)
    data = json_errors.body(error.code, error.text, fields=fields, slip_number=error.slip_number)
    if isinstance(error, QuoteChanged):
        quoted = error.quoted
        data["quote"] = quoted.quote.as_json() | {"digest": quoted.digest}
    return Response(data, status=error.status)


def _of_framework(error: Exception, response: Response) -> dict[str, Any]:
    known = error if isinstance(error, exceptions.APIException) else exceptions.NotFound()
    if response.status_code == 403:
        known = error if isinstance(error, exceptions.PermissionDenied) else exceptions.PermissionDenied()
    for kind in type(known).__mro__:
        if kind in _CODES:
            code, message = _CODES[kind]
            fields = _fields(known.detail) if isinstance(known, exceptions.ValidationError) else None
            return json_errors.body(code, str(message or known.detail), fields=fields)
    return json_errors.body("ERROR", str(known.detail))


def _fields(detail: Any) -> dict[str, list[str]]:
    """Messages per field, those of inner fields under their path ("confirmation.code")."""
    if isinstance(detail, dict):
        found: dict[str, list[str]] = {}
        for name, inner in detail.items():
            for path, texts in _fields(inner).items():
                found.setdefault(f"{name}.{path}" if path != "__all__" else str(name), []).extend(texts)
        return found
    if isinstance(detail, list) and not all(isinstance(each, str) for each in detail):
        return _fields({str(place): each for place, each in enumerate(detail) if each})
    texts = detail if isinstance(detail, list) else [detail]
    return {"__all__": [str(text) for text in texts]}
