from tests.billing.conftest import alipay_keys

__all__ = ["alipay_keys"]
