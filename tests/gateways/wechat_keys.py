"""Throw-away keys, messages and gateways for the tests of WeChat Pay's protocol."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from billing.gateways import rsa2
from billing.gateways.base import Charge
from billing.gateways.transport import Answer, Exchange
from billing.gateways.wechatpay import WechatPayConfig, WechatPayGateway
from billing.gateways.wechatpay_keys import PlatformKeys, normalised
from tests.gateways.keys import MERCHANT, NOW, STRANGER, Pair

APP_ID = "wx0000000000000001"
MCH_ID = "1900000001"
MCH_SERIAL = "5A0D000000000000000000000000000000000001"
API_V3_KEY = b"only-for-tests-0123456789abcdef0"
SERIAL = "5157F09EFDC096DE15EBE81A47057A7200000001"
REFERENCE = "P20260315000001"
PLATFORM = Pair(rsa.generate_private_key(public_exponent=65537, key_size=2048))
STAMP = int(NOW.timestamp())
Values = dict[str, Any]

__all__ = ["MERCHANT", "NOW", "STRANGER"]


def certificate(pair: Pair = PLATFORM, serial: str = SERIAL) -> str:
    """A self-signed certificate of that serial number, as PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tests")])
    made = x509.CertificateBuilder(name, name, pair.public, int(serial, 16))
    made = made.not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=1000))
    return made.sign(pair.private, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def no_network(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    raise AssertionError("this must not use the network")


def gateway(
    *,
    app_id: str = APP_ID,
    mch_id: str = MCH_ID,
    api_v3_key: bytes = API_V3_KEY,
    platform_keys: PlatformKeys | None = None,
    gateway_url: str = "https://wechat.example",
    exchange: Exchange = no_network,
    now: datetime = NOW,
) -> WechatPayGateway:
    """A gateway with the keys of the tests and a clock that stands at `now`."""
    config = WechatPayConfig(
        app_id=app_id,
        mch_id=mch_id,
        mch_key=MERCHANT.private,
        mch_serial=MCH_SERIAL,
        api_v3_key=api_v3_key,
        platform_keys=platform_keys or {normalised(SERIAL): PLATFORM.public},
        gateway_url=gateway_url,
        notify_url="https://hall.example/payments/callbacks/wechatpay/",
    )
    return WechatPayGateway(config, exchange=exchange, now=lambda: now)


def charge(reference: str = REFERENCE, amount_cents: int = 2600, subject: str = "有线电视费") -> Charge:
    """A charge that may be paid for 30 minutes."""
    return Charge(
        reference=reference,
        amount_cents=amount_cents,
        subject=subject,
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=30),
        return_url="https://hall.example/payments/return/wechatpay/",
        notify_url="https://hall.example/payments/callbacks/wechatpay/",
    )


def transaction(**changes: object) -> Values:
    """A paid order as notices and answers carry it; None takes a field away."""
    values: Values = {
        "mchid": MCH_ID,
        "appid": APP_ID,
        "out_trade_no": REFERENCE,
        "transaction_id": "4200001500000000000003151001",
        "trade_type": "NATIVE",
        "trade_state": "SUCCESS",
        "bank_type": "OTHERS",
        "success_time": "2026-03-15T10:00:04+08:00",
        "payer": {"openid": "oTESTselftest00000000000001"},
        "amount": {"total": 2600, "payer_total": 2600, "currency": "CNY", "payer_currency": "CNY"},
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


def refund(**changes: object) -> Values:
    """A successful refund of ten yuan as a notice carries it; None takes a field away."""
    values: Values = {
        "mchid": MCH_ID,
        "out_trade_no": REFERENCE,
        "transaction_id": "4200001500000000000003151001",
        "refund_id": "50300001000000000000000000R1",
        "out_refund_no": "RF1",
        "refund_status": "SUCCESS",
        "success_time": "2026-03-15T10:00:04+08:00",
        "user_received_account": "支付用户零钱",
        "amount": {"total": 2600, "refund": 1000, "payer_total": 2600, "payer_refund": 1000},
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


def event(
    resource: object,
    kind: str = "TRANSACTION.SUCCESS",
    *,
    nonce: str = "n03151001000",
    key: bytes = API_V3_KEY,
) -> Values:
    """A notice that seals `resource`."""
    plain = resource if isinstance(resource, bytes) else json.dumps(resource).encode()
    sealed = AESGCM(key).encrypt(nonce.encode(), plain, b"transaction")
    return {
        "id": "EV-1",
        "create_time": "2026-03-15T10:00:05+08:00",
        "resource_type": "encrypt-resource",
        "event_type": kind,
        "summary": "支付成功",
        "resource": {
            "original_type": "transaction",
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": base64.b64encode(sealed).decode(),
            "associated_data": "transaction",
            "nonce": nonce,
        },
    }


def headers(
    body: bytes,
    *,
    stamp: int | str = STAMP,
    nonce: str = "noncenoncenoncenoncenoncenonce01",
    serial: str = SERIAL,
    by: Pair = PLATFORM,
) -> dict[str, str]:
    """The four headers of a signature over `body`, and its kind."""
    return {
        "Wechatpay-Timestamp": str(stamp),
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature": rsa2.sign(by.private, f"{stamp}\n{nonce}\n".encode() + body + b"\n"),
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
    }


def signed(values: object, **how: Any) -> tuple[dict[str, str], bytes]:
    """Headers and body of a message."""
    body = values if isinstance(values, bytes) else json.dumps(values).encode()
    return headers(body, **how), body


def answer(status: int, values: object | None, **how: Any) -> Answer:
    """A signed answer of the API; None has no body."""
    given, body = signed(b"" if values is None else values, **how)
    return Answer(status, {name.lower(): value for name, value in given.items()}, body)
