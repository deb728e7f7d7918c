"""The intake of gateways' callbacks: checked cheaply, stored as received, answered.

One statement judges a verified message against our payments and stores it, because it stands between a gateway and its
answer. What is accepted is never lost: the row that is the work is committed before the answer goes out.
"""

import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from billing.gateways import registry
from billing.gateways.base import CallbackRejected, Report
from billing.models import CallbackState, GatewayCallback
from billing.services.money import suspense
from billing.services.payments import reports
from billing.services.payments.callbacks import QUEUE

log = logging.getLogger(__name__)
MAX_BODY = 65_536  # bytes; a longer message is not even read
STRANGERS_AN_HOUR = 1_000  # messages that do not verify: anybody can send them, and no row is ever deleted
MOST_KEPT_OF_STRANGERS = 8_192  # bytes of each
OK = "OK"
UNKNOWN_REFERENCE = "UNKNOWN_REFERENCE"
WRONG_AMOUNT = "WRONG_AMOUNT"
WRONG_GATEWAY = "WRONG_GATEWAY"
# WeChat's signature stands in headers: with them a stored message can be verified again.
KEPT_HEADERS = ("content-type", "user-agent", "x-request-id", "request-id") + tuple(
    f"wechatpay-{name}" for name in ("timestamp", "nonce", "signature", "serial", "signature-type")
)
MOST_KEPT_OF_A_HEADER = 800  # characters; the signature of a key of 4096 bits has 684


def receive(
    *, gateway: str, headers: Mapping[str, str], body: bytes, address: str | None, as_of: datetime
) -> bool:
    """True: stored, and a worker will apply it; the gateway may stop sending. False: refused, and stored as such.

    Money that no payment of ours explains is refused and is a worker's work all the same (see suspense): the gateway
    goes on telling until somebody there looks at it, too, and it is booked once whatever it tells.
    """
    kept = {name: _fit(headers[name]) for name in KEPT_HEADERS if name in headers}
    try:
        report = registry.get(gateway).parse_callback(headers, body, received_at=as_of)
    except CallbackRejected as refusal:
        verdict = str(refusal.code)
        _keep_stranger(gateway, verdict, kept, body, address, as_of)
    else:
        verdict = _judge_and_store(gateway, report, kept, body, address, as_of)
        if verdict == OK or suspense.is_money(report):
            QUEUE.poke()
    if verdict != OK:
        log.warning("callback refused", extra={"gateway": gateway, "verdict": verdict})
    return verdict == OK


_JUDGE_AND_STORE = """
    INSERT INTO billing_gatewaycallback (gateway, reference, payment_id, report, verdict, headers, body, address,
                                         state, attempts, error, received_at, next_attempt_at)
    SELECT %(gateway)s, %(reference)s, CASE WHEN verdict IN ('OK', 'WRONG_AMOUNT') THEN id END, %(report)s::jsonb,
           verdict, %(headers)s::jsonb, %(body)s, %(address)s::inet,
           CASE WHEN verdict = 'OK' OR %(is_money)s THEN 'NEW' ELSE 'REJECTED' END, 0, '', %(at)s, %(at)s
      FROM (SELECT payment.id,
                   CASE WHEN payment.id IS NULL THEN 'UNKNOWN_REFERENCE'
                        WHEN payment.gateway <> %(gateway)s THEN 'WRONG_GATEWAY'
                        WHEN payment.amount_cents <> %(amount)s THEN 'WRONG_AMOUNT'
                        ELSE 'OK' END AS verdict
              FROM (VALUES (1)) AS message LEFT JOIN billing_payment payment ON payment.reference = %(reference)s
           ) AS judged
    RETURNING verdict"""


def _judge_and_store(
    gateway: str, report: Report, headers: dict[str, str], body: bytes, address: str | None, as_of: datetime
) -> str:
    values: dict[str, Any] = {
        "gateway": gateway,
        "reference": report.reference,
        "amount": report.amount_cents,
        "is_money": suspense.is_money(report),
        "report": json.dumps(reports.dump(report)),
        "headers": json.dumps(headers),
        "body": body,
        "address": address,
        "at": as_of,
    }
    with connection.cursor() as cursor:
        cursor.execute(_JUDGE_AND_STORE, values)
        (verdict,) = cursor.fetchone()
    return str(verdict)


def _fit(header: str) -> str:
    """What the database can hold of a header."""
    return header[:MOST_KEPT_OF_A_HEADER].replace("\0", "")


def _keep_stranger(
    gateway: str, verdict: str, headers: dict[str, str], body: bytes, address: str | None, as_of: datetime
) -> None:
    """Stores the beginning of a message that did not verify, unless many were stored in the last hour."""
    lately = GatewayCallback.objects.filter(report__isnull=True, received_at__gt=as_of - timedelta(hours=1))
    if lately.count() >= STRANGERS_AN_HOUR:
        return
    GatewayCallback.objects.create(
        gateway=gateway,
        verdict=verdict,
        headers=headers,
        body=body[:MOST_KEPT_OF_STRANGERS],
        address=address,
        state=CallbackState.REJECTED,
        received_at=as_of,
        next_attempt_at=as_of,
    )
