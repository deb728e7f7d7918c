"""What the stand-ins are told from outside: options first, then environment variables, then defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class Misconfigured(Exception):
    """The stand-ins cannot start like this; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of one running process."""

    keys: Path
    host: str = "127.0.0.1"
    port: int = 0  # 0: any free one
    state: Path | None = None  # None: everything is forgotten at the end
    app_id: str = "9021000000000001"
    seller_id: str = "2088000000000001"
    wechatpay_app_id: str = "wx0000000000000001"
    wechatpay_mch_id: str = "1900000001"
    wechatpay_mch_serial: str = "5A0D000000000000000000000000000000000001"
    debit_merchant_id: str = "8800000001"
    debit_secret: str = ""  # empty: no question about debits is believed
    provisioning_name: str = "hall"
    provisioning_secret: str = ""  # empty: no command is believed
    notify_url: str = ""  # used when a payment request names none
    hall_base_url: str = "http://127.0.0.1:8000"
    sms_secret: str = ""
    mail_secret: str = ""  # empty: nothing is reported about mails
    time_factor: float = 240.0  # how much faster than in life redelivery goes: 4 minutes take 1 second
    receipt_seconds: float = 0.5
    refund_seconds: float = 1.0  # how long a refund by WeChat Pay is under way


def refuse_production(environ: Mapping[str, str]) -> None:
    """Raises `Misconfigured` in production: who can reach a stand-in can make payments out of nothing."""
    settings = environ.get("DJANGO_SETTINGS_MODULE", "")
    if environ.get("HALL_ENV", "").lower() in ("prod", "production") or settings.endswith(".prod"):
        raise Misconfigured("the stand-ins never run in production")


def from_environment(environ: Mapping[str, str], **options: str | int | None) -> Config:
    """Join options (None: not given) and environment. Raises `Misconfigured`."""
    keys = options.get("keys") or environ.get("SANDBOX_KEYS_DIR")
    if not keys:
        raise Misconfigured("name the folder of the keys: --keys DIR or SANDBOX_KEYS_DIR")
    state = options.get("state") or environ.get("SANDBOX_STATE_FILE")
    port = options.get("port")
    return Config(
        keys=Path(str(keys)),
        host=str(options.get("host") or Config.host),
        port=int(_number(environ, "SANDBOX_PORT", 0) if port is None else port),
        state=Path(str(state)) if state else None,
        app_id=environ.get("ALIPAY_APP_ID") or Config.app_id,
        seller_id=environ.get("ALIPAY_SELLER_ID") or Config.seller_id,
        wechatpay_app_id=environ.get("WECHATPAY_APP_ID") or Config.wechatpay_app_id,
        wechatpay_mch_id=environ.get("WECHATPAY_MCH_ID") or Config.wechatpay_mch_id,
        wechatpay_mch_serial=environ.get("WECHATPAY_MCH_SERIAL") or Config.wechatpay_mch_serial,
        debit_merchant_id=environ.get("DEBIT_MERCHANT_ID") or Config.debit_merchant_id,
        debit_secret=environ.get("DEBIT_SECRET", ""),
        provisioning_name=environ.get("PROVISIONING_NAME") or Config.provisioning_name,
        provisioning_secret=environ.get("PROVISIONING_SECRET", ""),
        notify_url=str(options.get("notify_url") or ""),
        hall_base_url=(environ.get("HALL_BASE_URL") or Config.hall_base_url).rstrip("/"),
        sms_secret=environ.get("SMS_GATEWAY_SECRET", ""),
        mail_secret=environ.get("EMAIL_WEBHOOK_SECRET", ""),
        time_factor=_number(environ, "SANDBOX_TIME_FACTOR", Config.time_factor),
        receipt_seconds=_number(environ, "SANDBOX_RECEIPT_SECONDS", Config.receipt_seconds),
        refund_seconds=_number(environ, "SANDBOX_REFUND_SECONDS", Config.refund_seconds),
    )


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    try:
        value = float(environ.get(name) or default)
    except ValueError:
        raise Misconfigured(f"{name} is not a number") from None
    if value < 0:
        raise Misconfigured(f"{name} is negative")
    return value
