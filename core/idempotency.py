"""Same key, same input: the first answer again. Same key, other input: a clear refusal."""

import hashlib
import json
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.errors import Conflict


class IdempotencyConflict(Conflict):
    code = "IDEMPOTENCY_CONFLICT"
    message = _("这个请求编号已用于另一笔内容不同的请求")


def digest(value: Any) -> str:
    """SHA-256 over the canonical JSON of plain values (dates and decimals as text)."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def check_same(stored: str, given: str) -> None:
    """Returns when both inputs are the same; raises IdempotencyConflict otherwise."""
    if stored != given:
        raise IdempotencyConflict()
