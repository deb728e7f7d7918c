"""The one shape of an error of the open interface: code, message, fields and slip_number, with the HTTP status."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.translation import gettext_lazy as _

from core.errors import Conflict, Forbidden, HallError, NotFound, TooManyRequests

PREFIX = "/api/"


class BadRequest(HallError):
    code = "BAD_REQUEST"
    message = _("请求不正确")


class TooLarge(HallError):
    code = "TOO_LARGE"
    message = _("请求内容太大")
    status = 413


class TlsRequired(HallError):
    code = "TLS_REQUIRED"
    message = _("请使用 https 访问，并更换已经明文发出的令牌")
    status = 403


class Broken(HallError):
    code = "ERROR"
    message = _("系统出了点问题，请稍后再试")
    status = 500


_BY_STATUS = {
    kind.status: kind for kind in (BadRequest, Forbidden, NotFound, Conflict, TooLarge, TooManyRequests)
}


def body(code: str, message: str, *, fields: Any = None, slip_number: str = "") -> dict[str, Any]:
    """`fields`: messages per field of the input; `slip_number`: of the slip that the refusal left, or ""."""
    return {"code": code, "message": message, "fields": fields or {}, "slip_number": slip_number}


def answer(error: HallError) -> JsonResponse:
    """The error as an answer, where no view of the interface can give it."""
    return JsonResponse(body(error.code, error.text, slip_number=error.slip_number), status=error.status)


def is_for(request: HttpRequest) -> bool:
    """Whether whoever asks is a program: at an address of the interface."""
    return request.path_info.startswith(PREFIX)


def instead_of(response: HttpResponseBase) -> HttpResponseBase:
    """The same error as JSON: what no view of the interface saw (a NUL, a wrong host, a fault) comes as a page."""
    if response.status_code < 400 or response.headers.get("Content-Type", "").startswith("application/json"):
        return response
    error = _BY_STATUS.get(response.status_code, Broken if response.status_code >= 500 else BadRequest)()
    error.status = response.status_code
    told = answer(error)
    for name, value in response.headers.items():
        if not name.startswith("Content-") or name == "Content-Security-Policy":
            told.headers[name] = value
    told.cookies = response.cookies
    return told
