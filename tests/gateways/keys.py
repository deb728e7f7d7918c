"""Throw-away keys and gateways for the tests of the protocol."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from billing.gateways import rsa2
from billing.gateways.alipay import AlipayConfig, AlipayGateway
from billing.gateways.base import Charge

APP_ID = "9021000000000001"
SELLER_ID = "2088000000000001"
NOW = datetime(2026, 3, 15, 2, 0, tzinfo=UTC)  # 10:00 in Beijing


@dataclass(frozen=True)
class Pair:
    """One key pair, made once for the whole run."""

    private: rsa.RSAPrivateKey

    @property
    def public(self) -> rsa.RSAPublicKey:
        return self.private.public_key()

    @property
    def private_pem(self) -> str:
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    @property
    def public_pem(self) -> str:
        return self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


MERCHANT = Pair(rsa.generate_private_key(public_exponent=65537, key_size=2048))
ALIPAY = Pair(rsa.generate_private_key(public_exponent=65537, key_size=2048))
STRANGER = Pair(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def no_network(url: str, form: bytes) -> bytes:
    raise AssertionError("this must not use the network")


def gateway(
    *,
    app_id: str = APP_ID,
    seller_id: str = SELLER_ID,
    alipay_key: rsa.RSAPublicKey = ALIPAY.public,
    gateway_url: str = "https://gateway.example/gateway.do",
    post: Callable[[str, bytes], bytes] = no_network,
) -> AlipayGateway:
    """A gateway with the keys of the tests and a clock that stands at NOW."""
    config = AlipayConfig(
        app_id=app_id,
        seller_id=seller_id,
        app_key=MERCHANT.private,
        alipay_key=alipay_key,
        gateway_url=gateway_url,
    )
    return AlipayGateway(config, post=post, now=lambda: NOW)


def charge(
    reference: str = "P20260315000001", amount_cents: int = 2600, subject: str = "有线电视费", **urls: str
) -> Charge:
    """A charge that may be paid for 30 minutes."""
    return Charge(
        reference=reference,
        amount_cents=amount_cents,
        subject=subject,
        created_at=NOW,
        expires_at=NOW + timedelta(minutes=30),
        return_url=urls.get("return_url", "https://hall.example/payments/return/alipay/"),
        notify_url=urls.get("notify_url", "https://hall.example/payments/callbacks/alipay/"),
    )


def notice(**changes: str | None) -> dict[str, str]:
    """The fields of a notice of payment, before signing; None takes a field away."""
    fields: dict[str, str | None] = {
        "gmt_create": "2026-03-15 10:00:00",
        "charset": "utf-8",
        "gmt_payment": "2026-03-15 10:00:04",
        "notify_time": "2026-03-15 10:00:05",
        "subject": "有线电视费",
        "notify_id": "2026031500222100000000000000000001",
        "notify_type": "trade_status_sync",
        "trade_status": "TRADE_SUCCESS",
        "app_id": APP_ID,
        "seller_id": SELLER_ID,
        "version": "1.0",
        "out_trade_no": "P20260315000001",
        "total_amount": "26.00",
        "trade_no": "2026031522001400000000000001",
        "buyer_logon_id": "138****0001",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def encode(fields: dict[str, str], codec: str = "utf-8") -> bytes:
    """A form as Alipay writes it."""
    return "&".join(f"{name}={quote_plus(value.encode(codec))}" for name, value in fields.items()).encode()


def signed(fields: dict[str, str], *, by: Pair = ALIPAY, codec: str = "utf-8") -> bytes:
    """The form with sign and sign_type."""
    content = "&".join(f"{name}={fields[name]}" for name in sorted(fields)).encode(codec)
    return encode({**fields, "sign": rsa2.sign(by.private, content), "sign_type": "RSA2"}, codec)
