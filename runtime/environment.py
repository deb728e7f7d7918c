"""The environment variables that the hall's own processes run with."""

from collections.abc import Mapping
from pathlib import Path

from runtime import processes
from runtime.credentials import Credentials
from runtime.datafolder import DataFolder
from runtime.ports import LOOPBACK

# The numbers of the stand-in for Alipay: well-formed, and nobody's.
APP_ID, SELLER_ID = "9021000000000001", "2088000000000001"


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
        "SMS_GATEWAY_URL": f"{sandbox}/sms/send",
        "SMS_GATEWAY_SECRET": secrets.sms_gateway_secret,
        "PYTHONUNBUFFERED": "1",
    }
    own = {name: value for name, value in environ.items() if value or name not in defaults}
    return defaults | own | dict(services) | {"HALL_DATA_DIR": str(data.root)}


def marked(environ: Mapping[str, str], data_root: Path) -> dict[str, str]:
    """The same with the mark by which a later run recognises a process of this data folder."""
    return {**environ, processes.MARK: str(data_root)}
