"""The cache in the database behaves as Django's, and a write is one statement."""

import threading
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, connections

from core import cache as ours

pytestmark = pytest.mark.django_db


def test_it_keeps_replaces_and_forgets() -> None:
    cache.set("a", [1, "二"], 60)
    assert cache.get("a") == [1, "二"]
    cache.set("a", None)
    assert cache.get("a", "gone") is None
    cache.delete("a")
    assert cache.get("a", "gone") == "gone"
    cache.set("for ever", 1, None)
    assert cache.get("for ever") == 1


def test_what_is_over_is_not_there() -> None:
    cache.set("a", 1, -1)
    assert cache.get("a") is None
    assert cache.add("a", 2) is True


def test_add_does_not_replace() -> None:
    assert (cache.add("a", 1), cache.add("a", 2), cache.get("a")) == (True, False, 1)


def test_touch_prolongs_what_is_there() -> None:
    assert cache.touch("none", 60) is False
    cache.set("a", 1, 60)
    assert cache.touch("a", 600) is True


def test_a_write_is_one_statement(django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "randrange", lambda _: 1)
    with django_assert_num_queries(1):
        cache.set("a", 1)


def test_old_entries_go(monkeypatch: pytest.MonkeyPatch) -> None:
    cache.set("old", 1, -100)
    monkeypatch.setattr(ours, "randrange", lambda _: 0)
    cache.set("new", 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM core_cache WHERE cache_key LIKE '%old'")
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_add_one_does() -> None:
    won: list[bool] = []

    def add() -> None:
        won.append(cache.add("lock", 1))
        connections.close_all()

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(won) == 1
