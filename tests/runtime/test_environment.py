from pathlib import Path

from runtime import environment
from runtime.credentials import Credentials
from runtime.datafolder import DataFolder
from sandbox.config import from_environment

DATA = DataFolder(Path("/data"))
SERVICES = {"DATABASE_URL": "postgresql://embedded", "REDIS_URL": "redis://embedded"}


def made(**own: str) -> dict[str, str]:
    return environment.for_processes(DATA, Credentials(), SERVICES, 8100, own)


def test_the_stand_ins_live_on_the_next_port() -> None:
    values = made()
    assert values["HALL_BASE_URL"] == "http://127.0.0.1:8100"
    assert values["SANDBOX_URL"] == "http://127.0.0.1:8101"
    assert values["SANDBOX_PORT"] == "8101"
    assert values["ALIPAY_GATEWAY_URL"] == "http://127.0.0.1:8101/alipay/gateway.do"
    assert values["WECHATPAY_GATEWAY_URL"] == "http://127.0.0.1:8101"
    assert values["SMS_GATEWAY_URL"] == "http://127.0.0.1:8101/sms/send"


def test_the_users_own_values_win() -> None:
    assert (
        made(ALIPAY_GATEWAY_URL="https://gateway.example.com")["ALIPAY_GATEWAY_URL"]
        == "https://gateway.example.com"
    )
    assert made(OTHER="kept")["OTHER"] == "kept"


def test_an_empty_value_does_not_hide_a_default() -> None:
    assert made(ALIPAY_APP_ID="")["ALIPAY_APP_ID"] == environment.APP_ID


def test_the_services_addresses_are_those_that_run() -> None:
    assert made(DATABASE_URL="")["DATABASE_URL"] == "postgresql://embedded"


def test_keys_are_those_of_the_data_folder() -> None:
    values = made()
    assert values["ALIPAY_APP_PRIVATE_KEY_FILE"] == "/data/keys/app_private_key.pem"
    assert values["ALIPAY_PUBLIC_KEY_FILE"] == "/data/keys/alipay_public_key.pem"
    assert values["WECHATPAY_MCH_PRIVATE_KEY_FILE"] == "/data/keys/wechatpay_mch_private_key.pem"
    assert values["WECHATPAY_PLATFORM_CERT_FILE"] == "/data/keys/wechatpay_platform_cert.pem"
    assert values["WECHATPAY_API_V3_KEY_FILE"] == "/data/keys/wechatpay_api_v3_key.txt"
    assert values["SANDBOX_KEYS_DIR"] == "/data/keys"


def test_the_stand_in_for_wechat_pay_expects_the_numbers_that_the_hall_gets() -> None:
    values = made()
    expected = from_environment({"SANDBOX_KEYS_DIR": "/data/keys"})
    assert values["WECHATPAY_APP_ID"] == expected.wechatpay_app_id
    assert values["WECHATPAY_MCH_ID"] == expected.wechatpay_mch_id
    assert values["WECHATPAY_MCH_SERIAL"] == expected.wechatpay_mch_serial
