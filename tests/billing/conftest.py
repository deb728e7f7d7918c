from pathlib import Path

import pytest
from pytest_django import Settings

from tests.gateways import keys


@pytest.fixture
def alipay_keys(tmp_path: Path, settings: Settings) -> None:
    """The hall configured with the throw-away keys of the gateway tests; no gateway answers queries."""
    private, public = tmp_path / "app.pem", tmp_path / "alipay.pem"
    private.write_text(keys.MERCHANT.private_pem)
    public.write_text(keys.ALIPAY.public_pem)
    settings.ALIPAY_APP_ID = keys.APP_ID
    settings.ALIPAY_SELLER_ID = keys.SELLER_ID
    settings.ALIPAY_APP_PRIVATE_KEY_FILE = str(private)
    settings.ALIPAY_PUBLIC_KEY_FILE = str(public)
    settings.ALIPAY_GATEWAY_URL = "http://127.0.0.1:9/gateway.do"
