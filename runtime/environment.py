"""The environment variables that the hall's own processes run with."""

from collections.abc import Mapping
from pathlib import Path

from runtime import processes
from runtime.credentials import Credentials
from runtime.datafolder import DataFolder
from runtime.ports import LOOPBACK

# The numbers of the stand-ins for Alipay and WeChat Pay: well-formed, and nobody's.
APP_ID, SELLER_ID = "9021000000000001", "2088000000000001"
WECHAT_APP_ID, MCH_ID = "wx0000000000000001", "1900000001"
DEBIT_MERCHANT_ID = "8800000001"
MCH_SERIAL = "5A0D000000000000000000000000000000000001"


def for_processes(
    data: DataFolder, secrets: Credentials, services: Mapping[str, str], port: int, environ: Mapping[str, str]
) -> dict[str, str]:
    """The whole environment: the caller's own values win, except for the addresses of embedded services."""
    sandbox = f"http://{LOOPBACK}:{port + 1}"
    defaults = {
        "DJANGO_SETTINGS_MODULE": "hall.settings.dev",
        "HALL_SECRET_KEY": secrets.secret_key,
        "HALL_BASE_URL": f"http://{LOOPBACK}:{port}",
        "SANDBOX_URL": sandbox,
        "SANDBOX_PORT": str(port + 1),
        "SANDBOX_KEYS_DIR": str(data.keys),
        "ALIPAY_APP_ID": APP_ID,
        "ALIPAY_SELLER_ID": SELLER_ID,
        "ALIPAY_APP_PRIVATE_KEY_FILE": str(data.keys / "app_private_key.pem"),
        "ALIPAY_PUBLIC_KEY_FILE": str(data.keys / "alipay_public_key.pem"),
        "ALIPAY_GATEWAY_URL": f"{sandbox}/alipay/gateway.do",
        "WECHATPAY_APP_ID": WECHAT_APP_ID,
        "WECHATPAY_MCH_ID": MCH_ID,
        "WECHATPAY_API_V3_KEY_FILE": str(data.keys / "wechatpay_api_v3_key.txt"),
        "WECHATPAY_MCH_PRIVATE_KEY_FILE": str(data.keys / "wechatpay_mch_private_key.pem"),
        "WECHATPAY_MCH_SERIAL": MCH_SERIAL,
        "WECHATPAY_PLATFORM_CERT_FILE": str(data.keys / "wechatpay_platform_cert.pem"),
        "WECHATPAY_GATEWAY_URL": sandbox,
        "DEBIT_MERCHANT_ID": DEBIT_MERCHANT_ID,
        "DEBIT_SECRET": secrets.sms_gateway_secret,
        "DEBIT_GATEWAY_URL": f"{sandbox}/debit",
        "PROVISIONING_URL": f"{sandbox}/provisioning",
        "PROVISIONING_SECRET": secrets.sms_gateway_secret,
        "SMS_GATEWAY_URL": f"{sandbox}/sms/send",
        "SMS_GATEWAY_BATCH_URL": f"{sandbox}/sms/batch",
        "SMS_GATEWAY_QUERY_URL": f"{sandbox}/sms/receipts",
        "SMS_GATEWAY_SECRET": secrets.sms_gateway_secret,
        "EMAIL_WEBHOOK_SECRET": secrets.sms_gateway_secret,
        "HALL_BACKUP_FOLDER": str(data.root / "backups"),
        "HALL_MEDIA_ROOT": str(data.root / "media"),
        "PYTHONUNBUFFERED": "1",
    }
    own = {name: value for name, value in environ.items() if value or name not in defaults}
    return defaults | own | dict(services) | {"HALL_DATA_DIR": str(data.root)}


def marked(environ: Mapping[str, str], data_root: Path) -> dict[str, str]:
    """The same with the mark by which a later run recognises a process of this data folder."""
    return {**environ, processes.MARK: str(data_root)}
