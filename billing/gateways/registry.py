"""The gateways that this hall is configured for. The only module here that reads settings."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.gateways import alipay, rsa2, wechatpay, wechatpay_keys
from billing.gateways.base import Gateway
from billing.gateways.debit import bank
from billing.gateways.debit.base import DebitGateway

Key = TypeVar("Key")


class UnknownGateway(LookupError):
    """No gateway has this code."""


class NotOffered(UnknownGateway, ImproperlyConfigured):
    """A gateway that this hall could speak to, but has no contract with: its application id is not set."""


@dataclass(frozen=True, slots=True)
class _Entry:
    name: Promise
    app_id_setting: str  # a gateway is offered when this is set
    build: Callable[[], Gateway]
    has_cashier: bool = True  # a customer can choose to pay by it

    @property
    def is_offered(self) -> bool:
        return bool(getattr(settings, self.app_id_setting, ""))


def codes() -> tuple[tuple[str, Promise], ...]:
    """All gateways as (code, name for people), those of old payments included."""
    return tuple((code, entry.name) for code, entry in _GATEWAYS.items())


def offered() -> tuple[tuple[str, Promise], ...]:
    """The gateways that a customer can pay by, in the order in which they are offered."""
    return tuple(
        (code, entry.name) for code, entry in _GATEWAYS.items() if entry.is_offered and entry.has_cashier
    )


def name(code: str) -> Promise:
    """The gateway's name for people. Raises `UnknownGateway`."""
    return _entry(code).name


def get(code: str) -> Gateway:
    """The gateway, with its keys loaded; built once and again after a setting changed.

    Raises `UnknownGateway`, of which `NotOffered` is one, or `ImproperlyConfigured` naming the setting that is absent
    or unusable.
    """
    entry = _entry(code)
    if not entry.is_offered:
        raise NotOffered(f"{entry.app_id_setting} is not set")
    return entry.build()


@cache
def alipay_gateway() -> alipay.AlipayGateway:
    """Alipay itself, for what only Alipay has (`parse_return`). Errors as with `get`."""
    config = alipay.AlipayConfig(
        app_id=_text("ALIPAY_APP_ID"),
        seller_id=_text("ALIPAY_SELLER_ID"),
        app_key=_key("ALIPAY_APP_PRIVATE_KEY_FILE", rsa2.read_private_key),
        alipay_key=_key("ALIPAY_PUBLIC_KEY_FILE", rsa2.read_public_key),
        gateway_url=_text("ALIPAY_GATEWAY_URL"),
    )
    return alipay.AlipayGateway(config)


@cache
def wechatpay_gateway() -> wechatpay.WechatPayGateway:
    """WeChat Pay itself. Errors as with `get`."""
    key_id = str(getattr(settings, "WECHATPAY_PLATFORM_KEY_ID", ""))
    config = wechatpay.WechatPayConfig(
        app_id=_text("WECHATPAY_APP_ID"),
        mch_id=_text("WECHATPAY_MCH_ID"),
        mch_key=_key("WECHATPAY_MCH_PRIVATE_KEY_FILE", rsa2.read_private_key),
        mch_serial=_text("WECHATPAY_MCH_SERIAL"),
        api_v3_key=_usable("WECHATPAY_API_V3_KEY", wechatpay_keys.api_v3_key),
        platform_keys=_key(
            "WECHATPAY_PLATFORM_CERT_FILE", lambda path: wechatpay_keys.read_platform_keys(path, key_id)
        ),
        gateway_url=_text("WECHATPAY_GATEWAY_URL"),
        notify_url=notify_url(wechatpay.CODE),
    )
    return wechatpay.WechatPayGateway(config)


@cache
def debit_gateway() -> DebitGateway:
    """The bank that debits by agreement. Errors as with `get`."""
    if not offers_debit():
        raise NotOffered("DEBIT_MERCHANT_ID is not set")
    config = bank.BankConfig(
        merchant_id=_text("DEBIT_MERCHANT_ID"),
        secret=_text("DEBIT_SECRET"),
        gateway_url=_text("DEBIT_GATEWAY_URL").rstrip("/"),
    )
    return bank.BankDebitGateway(config)


def offers_debit() -> bool:
    """Whether customers can have their bills debited here."""
    return _entry(bank.CODE).is_offered


def notify_url(code: str) -> str:
    """Where this gateway sends its notices."""
    return f"{settings.BASE_URL}{reverse('billing:callback', args=[code]).rstrip('/')}/"


def _entry(code: str) -> _Entry:
    try:
        return _GATEWAYS[code]
    except KeyError:
        raise UnknownGateway(code) from None


def _text(setting: str) -> str:
    value = str(getattr(settings, setting, "") or "")
    if not value:
        raise ImproperlyConfigured(f"{setting} is not set")
    return value


def _key(setting: str, read: Callable[[Path], Key]) -> Key:
    return _usable(setting, lambda text: read(Path(text)))


def _usable(setting: str, read: Callable[[str], Key]) -> Key:
    try:
        return read(_text(setting))
    except rsa2.KeyUnusable as error:
        raise ImproperlyConfigured(f"{setting}: {error}") from error


def _forget(*, setting: str, **_kwargs: Any) -> None:
    if setting.startswith(("ALIPAY_", "WECHATPAY_", "DEBIT_")) or setting == "BASE_URL":
        alipay_gateway.cache_clear()
        wechatpay_gateway.cache_clear()
        debit_gateway.cache_clear()


_GATEWAYS: dict[str, _Entry] = {
    alipay.CODE: _Entry(_("支付宝"), "ALIPAY_APP_ID", alipay_gateway),
    wechatpay.CODE: _Entry(_("微信支付"), "WECHATPAY_APP_ID", wechatpay_gateway),
    bank.CODE: _Entry(_("银行代扣"), "DEBIT_MERCHANT_ID", debit_gateway, has_cashier=False),
}
setting_changed.connect(_forget, dispatch_uid="billing.gateways.registry")
