"""Every table has its rule, or the reason why it has none."""

from collections import Counter
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from core.db import AppendOnly, NeverDelete
from core.roles import tables_under
from hall.upkeep.policy import ELSEWHERE, KEPT, KEPT_ROOMS, RULES
from tests.architecture.sources import ROOT

IN_RULES = {label for rule in RULES for label in rule.models}
LABELS = {model._meta.label for model in apps.get_models()}


def test_every_table_is_in_the_policy_once() -> None:
    named = Counter([*IN_RULES, *KEPT, *ELSEWHERE])
    assert [label for label, times in named.items() if times > 1] == []
    missing = {label for label in LABELS - set(named) if label.split(".")[0] not in KEPT_ROOMS}
    assert missing == set(), "say in hall/upkeep/policy.py how long these are kept, or why for ever"


def test_the_policy_names_no_table_that_is_gone() -> None:
    assert {*IN_RULES, *KEPT, *ELSEWHERE} - LABELS == set()


def test_rules_for_tables_under_a_law_use_the_function() -> None:
    guarded = set(tables_under(AppendOnly, NeverDelete))
    for rule in RULES:
        tables = {apps.get_model(label)._meta.db_table for label in rule.models}
        assert rule.is_under_law == bool(tables & guarded), rule.name
        assert rule.is_under_law != bool(rule.sql), rule.name


def test_no_rule_touches_the_books() -> None:
    books = {
        "Bill",
        "BillLine",
        "Receipt",
        "Allocation",
        "LedgerEntry",
        "AccountBalance",
        "Payment",
        "Refund",
    }
    assert {f"billing.{name}" for name in books} & IN_RULES == set()


@pytest.mark.django_db
def test_every_statement_is_answered_by_the_database() -> None:
    with connection.cursor() as cursor:
        for rule in RULES:
            if rule.sql:
                cursor.execute(f"EXPLAIN DELETE {rule.sql}", {"before": "2020-01-01", "most": 10})


def test_days_are_at_least_what_the_law_asks_for(settings: Any) -> None:
    assert settings.KEEP_LEAST_DAYS.keys() == settings.KEEP_DAYS.keys()
    assert all(days >= settings.KEEP_LEAST_DAYS[name] for name, days in settings.KEEP_DAYS.items())
    assert settings.KEEP_LEAST_DAYS["slips"] >= 731  # 24 months
    assert settings.KEEP_LEAST_DAYS["callbacks"] >= 1096  # three years


def test_the_document_tells_every_rule_with_its_days(settings: Any) -> None:
    text = (ROOT / "docs" / "retention.md").read_text(encoding="utf-8")
    for rule in RULES:
        floor = settings.KEEP_LEAST_DAYS.get(rule.name, 0)
        assert f"| `{rule.name}` | {rule.days} | {floor} |" in text, rule.name
