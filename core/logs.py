"""Structured logs without personal data: one JSON object a line.

Every line carries the id of the request or task it belongs to. Phone numbers, e-mail addresses, identity card numbers
and one-time codes are masked in the message, its arguments, the extra fields and tracebacks, whoever wrote them.
"""

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

request_id: ContextVar[str] = ContextVar("request_id", default="")
task: ContextVar[tuple[str, str] | None] = ContextVar("task", default=None)  # (name, id) inside a Celery task

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
# Django hangs whole objects on its records; they are not JSON and may hold personal data.
_NEVER = frozenset({"request", "response", "sinfo", "data"})
_SECRET_KEYS = re.compile(r"(?i)password|passwd|secret|token|authorization|cookie|session_?key|private_?key")
_CODE_KEYS = re.compile(r"(?i)code|otp|pin")

_WORTH_A_LOOK = re.compile(r"\d{4}|@")  # nearly all texts end here
_EMAIL = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_CARD = re.compile(
    r"(?<![A-Za-z\d])[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)"
    r"|(?<![A-Za-z\d])[1-9]\d{7}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}(?!\d)"
)
_MOBILE = re.compile(r"(?<!\d)((?:\+?86[ -]?)?1[3-9]\d)[ -]?\d{4}[ -]?(\d{4})(?!\d)")
_INTERNATIONAL = re.compile(r"\+\d{3,11}(\d{4})(?!\d)")
_CODE = re.compile(
    r"(?i)((?:code|\botp\b|\bpin\b|passcode|password|验证码|校验码|确认码|动态码|动态密码|口令|密码)[^\d\n]{0,16}?)"
    r"(?<!\d)\d{6}(?!\d)"
)


def mask(text: str) -> str:
    """`text` with phones, e-mails, identity card numbers and announced six-digit codes made unreadable."""
    if not _WORTH_A_LOOK.search(text):
        return text
    if "@" in text:
        text = _EMAIL.sub("***@***", text)
    text = _CARD.sub("******************", text)
    text = _MOBILE.sub(r"\1****\2", text)
    text = _INTERNATIONAL.sub(r"+***\1", text)
    return _CODE.sub(r"\1******", text)


def mask_value(value: Any, key: str = "") -> Any:
    """The same for whatever may stand in a log record: containers are walked, unknown objects become text."""
    if (
        value is None
        or isinstance(value, (bool, float))
        or (type(value) is int and -100_000 < value < 100_000)
    ):
        return value
    if _is_secret(key):
        return "***"
    if type(value) is str and not _WORTH_A_LOOK.search(value):
        return value
    if isinstance(value, dict):
        return {mask_value(str(name)): mask_value(item, str(name)) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [mask_value(item, key) for item in value]
    return _mask_scalar(value, key)


@lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    return bool(_SECRET_KEYS.search(key))


def _mask_scalar(value: Any, key: str) -> Any:
    text = str(value)
    if key and re.fullmatch(r"\d{6}", text) and _CODE_KEYS.search(key):
        return "******"
    masked = mask(text)
    return value if isinstance(value, int) and masked == text else masked


class PersonalDataFilter(logging.Filter):
    """Masks a record in place, before any formatter or handler sees it."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = mask(_without_address(record, _message(record)))
        record.args = None
        fields = record.__dict__
        for name in [name for name in fields if name not in _STANDARD]:
            if name in _NEVER:
                del fields[name]
            else:
                fields[name] = mask_value(fields[name], name)
        if record.exc_info and not record.exc_text:
            record.exc_text = mask(logging.Formatter().formatException(record.exc_info))
        return True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # wrong arguments must not cost the line
        return f"{record.msg} {record.args!r}"


def _without_address(record: logging.LogRecord, message: str) -> str:
    """Django tells of refused requests by their address; in some a token stands that lets whoever reads it in."""
    request = getattr(record, "request", None)
    match = getattr(request, "resolver_match", None)
    if match is None or not match.kwargs:
        return message
    return message.replace(str(getattr(request, "path", "")), f"/{match.route}")


_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


class JsonFormatter(logging.Formatter):
    """at (UTC), level, logger, message, request or task, then the extra fields, then the traceback as `error`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(_context())
        for name, value in record.__dict__.items():
            if name not in _STANDARD:
                line.setdefault(name, value)
        if record.exc_info or record.exc_text:
            line["error"] = record.exc_text or self.formatException(record.exc_info or (None, None, None))
        return _encode(line)


def _context() -> dict[str, str]:
    found: dict[str, str] = {}
    if request := request_id.get():
        found["request_id"] = request
    if running := task.get():
        found["task"], found["task_id"] = running
    return found
