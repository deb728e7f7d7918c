"""Gateway reports as JSON: stored with the callback, so that a worker (or a replay) needs no second verification."""

import dataclasses
from datetime import datetime
from typing import Any

from billing.gateways.base import RefundReport, Report, ReportStatus


def dump(report: Report) -> dict[str, Any]:
    """Plain JSON values; times in ISO 8601."""
    plain: dict[str, Any] = _plain(dataclasses.asdict(report))
    return plain


def load(stored: dict[str, Any]) -> Report:
    """The report that `dump` stored."""
    refunds = tuple(
        RefundReport(**{**refund, "refunded_at": _time(refund["refunded_at"])})
        for refund in stored["refunds"]
    )
    return Report(
        **{
            **stored,
            "status": ReportStatus(stored["status"]),
            "refunds": refunds,
            "paid_at": _time(stored["paid_at"]),
            "occurred_at": _time(stored["occurred_at"]),
        }
    )


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value
