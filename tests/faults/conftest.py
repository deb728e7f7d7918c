from collections.abc import Iterator
from typing import Any

import pytest

from tests.billing.conftest import alipay_keys
from tests.faults.house import House, open_house

__all__ = ["alipay_keys"]


@pytest.fixture(scope="session")
def prepared_house(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("faults")) as opened:
        with django_db_blocker.unblock():
            opened.prepare()
        opened.start_web()
        yield opened


@pytest.fixture
def house(prepared_house: House, django_db_blocker: Any) -> Iterator[House]:
    """Servers and a web process that may be killed; their database is the one of the test. No worker runs yet."""
    with django_db_blocker.unblock(), prepared_house.books():
        yield prepared_house
    for name in ("worker", "beat"):
        if name in prepared_house.processes:
            prepared_house.end(name)
