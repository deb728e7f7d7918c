"""Gateways as the settings describe them."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django.fixtures import Settings

from billing.gateways import registry
from tests.gateways.keys import ALIPAY, APP_ID, MERCHANT, SELLER_ID, notice, signed


@pytest.fixture
def configured(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "app.pem").write_text(MERCHANT.private_pem)
    (tmp_path / "alipay.pem").write_text(ALIPAY.public_pem)
    settings.ALIPAY_APP_ID = APP_ID
    settings.ALIPAY_SELLER_ID = SELLER_ID
    settings.ALIPAY_APP_PRIVATE_KEY_FILE = str(tmp_path / "app.pem")
    settings.ALIPAY_PUBLIC_KEY_FILE = str(tmp_path / "alipay.pem")
    settings.ALIPAY_GATEWAY_URL = "https://gateway.example/gateway.do"
    return settings


def test_alipay_is_built_from_settings_once(configured: Settings) -> None:
    gateway = registry.get("alipay")
    assert gateway.code == "alipay"
    assert gateway.parse_callback({}, signed(notice())).amount_cents == 2600
    assert registry.get("alipay") is gateway is registry.alipay_gateway()


def test_a_changed_setting_makes_a_new_gateway(configured: Settings) -> None:
    gateway = registry.get("alipay")
    configured.ALIPAY_APP_ID = "9021000000000002"
    assert registry.get("alipay") is not gateway


@pytest.mark.parametrize(
    "setting",
    [
        "ALIPAY_APP_ID",
        "ALIPAY_SELLER_ID",
        "ALIPAY_APP_PRIVATE_KEY_FILE",
        "ALIPAY_PUBLIC_KEY_FILE",
        "ALIPAY_GATEWAY_URL",
    ],
)
def test_an_absent_setting_is_named(configured: Settings, setting: str) -> None:
    setattr(configured, setting, "")
    with pytest.raises(ImproperlyConfigured, match=setting):
        registry.get("alipay")


def test_an_unusable_key_file_is_named_with_its_setting(configured: Settings, tmp_path: Path) -> None:
    (tmp_path / "alipay.pem").write_text("nonsense")
    with pytest.raises(ImproperlyConfigured, match="ALIPAY_PUBLIC_KEY_FILE.*alipay.pem"):
        registry.get("alipay")


def test_every_gateway_has_a_name_for_people() -> None:
    assert [(code, str(name)) for code, name in registry.codes()] == [("alipay", "支付宝")]
    assert str(registry.name("alipay")) == "支付宝"


def test_an_unknown_gateway() -> None:
    for ask in (registry.get, registry.name):
        with pytest.raises(registry.UnknownGateway):
            ask("nothing")
