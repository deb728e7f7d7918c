"""Errors that a person may see: a stable code, a sentence in the reader's language, and the parameters of it."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class HallError(Exception):
    """Something was asked that cannot be done; nothing was changed.

    `code` never changes once published (clients and reports match on it), `message` may be translated,
    `status` is the HTTP status of an API answer.
    """

    code: str = "ERROR"
    message: str | Promise = _("操作没有完成，请稍后再试")
    status: int = 400
    slip_number: str = ""  # the public number of the record that this refusal left, where one did

    def __init__(self, **params: Any) -> None:
        self.params = params
        super().__init__(self.code)

    @property
    def text(self) -> str:
        """The sentence for the reader, in the language that is active now."""
        return str(self.message) % self.params if self.params else str(self.message)

    def __str__(self) -> str:
        return f"{self.code}: {self.text}"


class NotFound(HallError):
    """Also the answer for what belongs to a stranger: its existence is not told."""

    code = "NOT_FOUND"
    message = _("没有找到，请核对后再试")
    status = 404


class Forbidden(HallError):
    code = "FORBIDDEN"
    message = _("您没有办理这项业务的权限")
    status = 403


class Conflict(HallError):
    code = "CONFLICT"
    message = _("状态已经变化，请刷新后再试")
    status = 409


class TooManyRequests(HallError):
    code = "TOO_MANY_REQUESTS"
    message = _("操作太频繁，请稍后再试")
    status = 429
