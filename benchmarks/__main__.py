"""`python -m benchmarks NAME [part …]`: in a database of its own, made before and dropped after."""

import importlib
import os
import secrets
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks import databases

NAMES = ("payments", "money", "pages", "catalog", "arrears")


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
        print(f"usage: script/bench NAME [part …]; NAME is one of: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was made is taken away again
    with (
        databases.temporary(os.environ["DATABASE_URL"], "bench") as database,
        tempfile.TemporaryDirectory() as folder,
    ):
        _configure(database, Path(folder))
        return _run(sys.argv[1], sys.argv[2:])


def _run(name: str, parts: list[str]) -> int:
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    try:
        call_command("migrate", verbosity=0)
        call_command("migrate", "benchmarks", run_syncdb=True, verbosity=0)
        complete = importlib.import_module(f"benchmarks.{name}").run(parts)
    finally:
        connections.close_all()
    return 0 if complete else 1


def _configure(database: str, folder: Path) -> None:
    from sandbox import keys

    keys.ensure(folder)
    os.environ.update(
        {
            "DJANGO_SETTINGS_MODULE": "hall.settings.bench",
            "DATABASE_URL": database,
            "HALL_SECRET_KEY": secrets.token_hex(32),
            "HALL_STATIC_ROOT": str(folder / "static"),
            "ALIPAY_APP_ID": "9021000000000001",
            "ALIPAY_SELLER_ID": "2088000000000001",
            "ALIPAY_APP_PRIVATE_KEY_FILE": str(folder / "app_private_key.pem"),
            "ALIPAY_PUBLIC_KEY_FILE": str(folder / "alipay_public_key.pem"),
            "ALIPAY_GATEWAY_URL": "http://127.0.0.1:9/gateway.do",
            "WECHATPAY_APP_ID": "wx0000000000000001",
            "WECHATPAY_MCH_ID": "1900000001",
            "WECHATPAY_API_V3_KEY": keys.api_v3_key(folder).decode(),
            "WECHATPAY_MCH_PRIVATE_KEY_FILE": str(folder / "wechatpay_mch_private_key.pem"),
            "WECHATPAY_MCH_SERIAL": "5A0D000000000000000000000000000000000001",
            "WECHATPAY_PLATFORM_CERT_FILE": str(folder / "wechatpay_platform_cert.pem"),
            "WECHATPAY_GATEWAY_URL": "http://127.0.0.1:9",
            "BENCH_KEYS": str(folder),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
