"""The description of the interface: what drf-spectacular reads from the views, and what holds for all of them."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.serializers import BaseSerializer

from operations.api.serializers import ErrorSerializer

_LANGUAGE = OpenApiParameter(
    "Accept-Language",
    str,
    OpenApiParameter.HEADER,
    description=_("文字说明的语言：zh-hans 或 en"),
)
_ALWAYS = {
    400: _("请求不正确"),
    401: _("没有有效的令牌"),
    403: _("令牌没有所需的权限"),
    404: _("没有，或不是您的"),
    406: _("只能以 JSON 作答"),
    429: _("太频繁，见 Retry-After"),
    500: _("系统出了问题"),
}
_WITH_BODY = {
    409: _("状态或报价已变，或同一编号已用于别的内容"),
    415: _("内容须为 JSON"),
    422: _("填写的内容有误"),
}


class HallSchema(AutoSchema):
    """Each operation names its errors, all of one shape, and the language of its texts."""

    def get_override_parameters(self) -> list[Any]:
        return [_LANGUAGE]

    def get_tags(self) -> list[str]:
        return [self._tokenize_path()[0]]

    def get_auth(self) -> list[dict[str, list[str]]]:
        """A token; the browser's session opens the same addresses, for the hall's own pages."""
        return [{"token": []}]

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        texts = _ALWAYS | (_WITH_BODY if self.method == "POST" else {})
        for status, text in texts.items():
            shape: type[BaseSerializer[Any]] = ErrorSerializer
            answer = OpenApiResponse(shape, str(text))
            bodies[str(status)] = self._get_response_for_code(answer, str(status), direction=direction)  # type: ignore[no-untyped-call]
        return bodies
