from tests.accounts.conftest import empty_vault, noon

__all__ = ["empty_vault", "noon"]
