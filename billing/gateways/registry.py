"""The gateways that this hall is configured for. The only module here that reads settings."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.gateways import alipay, rsa2
from billing.gateways.base import Gateway

Key = TypeVar("Key")


class UnknownGateway(LookupError):
    """No gateway has this code."""


def codes() -> tuple[tuple[str, Promise], ...]:
    """All gateways as (code, name for people), in the order in which they are offered."""
    return tuple((code, name) for code, (name, _build) in _GATEWAYS.items())


def name(code: str) -> Promise:
    """The gateway's name for people. Raises `UnknownGateway`."""
    return _entry(code)[0]


def get(code: str) -> Gateway:
    """The gateway, with its keys loaded; built once and again after a setting changed.

    Raises `UnknownGateway`, or `ImproperlyConfigured` naming the setting that is absent or unusable.
    """
    return _entry(code)[1]()


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


def _entry(code: str) -> tuple[Promise, Callable[[], Gateway]]:
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
    try:
        return read(Path(_text(setting)))
    except rsa2.KeyUnusable as error:
        raise ImproperlyConfigured(f"{setting}: {error}") from error


def _forget(*, setting: str, **_kwargs: Any) -> None:
    if setting.startswith("ALIPAY_"):
        alipay_gateway.cache_clear()


_GATEWAYS: dict[str, tuple[Promise, Callable[[], Gateway]]] = {
    alipay.CODE: (_("支付宝"), alipay_gateway),
}
setting_changed.connect(_forget, dispatch_uid="billing.gateways.registry")
