"""Gateways as the settings describe them."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django.fixtures import Settings

from billing.gateways import registry
from tests.gateways import wechat_keys
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


@pytest.fixture
def wechat(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "mch.pem").write_text(MERCHANT.private_pem)
    (tmp_path / "platform.pem").write_text(wechat_keys.certificate())
    settings.WECHATPAY_APP_ID = wechat_keys.APP_ID
    settings.WECHATPAY_MCH_ID = wechat_keys.MCH_ID
    settings.WECHATPAY_API_V3_KEY = wechat_keys.API_V3_KEY.decode()
    settings.WECHATPAY_MCH_PRIVATE_KEY_FILE = str(tmp_path / "mch.pem")
    settings.WECHATPAY_MCH_SERIAL = wechat_keys.MCH_SERIAL
    settings.WECHATPAY_PLATFORM_CERT_FILE = str(tmp_path / "platform.pem")
    settings.WECHATPAY_GATEWAY_URL = "https://wechat.example"
    return settings


def test_wechat_pay_is_built_from_settings_once(wechat: Settings) -> None:
    gateway = registry.get("wechatpay")
    message = wechat_keys.signed(wechat_keys.event(wechat_keys.transaction()))
    assert gateway.parse_callback(*message, received_at=wechat_keys.NOW).amount_cents == 2600
    assert registry.get("wechatpay") is gateway is registry.wechatpay_gateway()
    wechat.BASE_URL = "https://other.example"  # notices of refunds go there
    assert registry.get("wechatpay") is not gateway


@pytest.mark.parametrize(
    "setting",
    [
        "WECHATPAY_APP_ID",
        "WECHATPAY_MCH_ID",
        "WECHATPAY_API_V3_KEY",
        "WECHATPAY_MCH_PRIVATE_KEY_FILE",
        "WECHATPAY_MCH_SERIAL",
        "WECHATPAY_PLATFORM_CERT_FILE",
        "WECHATPAY_GATEWAY_URL",
    ],
)
def test_an_absent_setting_of_wechat_pay_is_named(wechat: Settings, setting: str) -> None:
    setattr(wechat, setting, "")
    with pytest.raises(ImproperlyConfigured, match=setting):
        registry.get("wechatpay")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("WECHATPAY_API_V3_KEY", "short"),
        ("WECHATPAY_MCH_PRIVATE_KEY_FILE", "/absent.pem"),
        ("WECHATPAY_PLATFORM_CERT_FILE", "/absent.pem"),
    ],
)
def test_an_unusable_key_of_wechat_pay_is_named(wechat: Settings, setting: str, value: str) -> None:
    setattr(wechat, setting, value)
    with pytest.raises(ImproperlyConfigured, match=setting):
        registry.get("wechatpay")


def test_a_public_key_in_the_place_of_a_certificate(wechat: Settings, tmp_path: Path) -> None:
    (tmp_path / "platform.pem").write_text(wechat_keys.PLATFORM.public_pem)
    wechat.WECHATPAY_PLATFORM_KEY_ID = "PUB_KEY_ID_01"
    message = wechat_keys.signed(wechat_keys.event(wechat_keys.transaction()), serial="PUB_KEY_ID_01")
    report = registry.get("wechatpay").parse_callback(*message, received_at=wechat_keys.NOW)
    assert report.amount_cents == 2600


def test_a_gateway_without_a_contract_is_known_but_not_offered(
    configured: Settings, wechat: Settings
) -> None:
    assert [code for code, _name in registry.offered()] == ["alipay", "wechatpay"]
    wechat.WECHATPAY_APP_ID = ""
    assert [code for code, _name in registry.offered()] == ["alipay"]
    with pytest.raises(registry.NotOffered, match="WECHATPAY_APP_ID"):
        registry.get("wechatpay")


def test_every_gateway_has_a_name_for_people() -> None:
    names = [(code, str(name)) for code, name in registry.codes()]
    assert names == [("alipay", "支付宝"), ("wechatpay", "微信支付"), ("bank_debit", "银行代扣")]
    assert str(registry.name("alipay")) == "支付宝"


def test_an_unknown_gateway() -> None:
    for ask in (registry.get, registry.name):
        with pytest.raises(registry.UnknownGateway):
            ask("nothing")
