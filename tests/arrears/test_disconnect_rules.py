"""When a line may be cut, decided on facts alone."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from arrears.choices import Hold, Stage
from arrears.disconnect_rules import LineFacts, Missing, Notice, Unproven, missing, proofs
from arrears.rule_facts import POST

TODAY = date(2026, 6, 4)
M = Missing


def notice(ref: str = "contact:1", *, days_ago: int | None = 7, is_hard: bool = False, pk: int = 1) -> Notice:
    on = None if days_ago is None else TODAY - timedelta(days_ago)
    return Notice(ref, pk, pk, on, 7, is_hard)


READY = LineFacts(
    subscription_id=1,
    number="U1",
    service_number="",
    account_id=1,
    suspension_id=1,
    suspended_on=TODAY - timedelta(61),
    owed_cents=1,
    late_cents=1,
    case_id=1,
    stage=Stage.DISCONNECT_WARNED,
    refs=("contact:1",),
    notices=(notice(),),
    is_ordered=True,
    approvers=(1, 2),
)


def test_everything_is_there() -> None:
    assert missing(READY, TODAY) == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"suspended_on": None}, M.NOT_SUSPENDED),
        ({"suspended_on": TODAY - timedelta(60)}, M.TOO_EARLY),
        ({"suspended_on": TODAY - timedelta(59)}, M.TOO_EARLY),
        ({"owed_cents": 0}, M.NOT_OWED),
        ({"owed_cents": -1}, M.NOT_OWED),
        ({"late_cents": 0, "owed_cents": 900}, M.NOT_OWED),
        ({"is_over": True}, M.NOT_OWED),
        ({"case_id": None}, M.NO_CASE),
        ({"stage": Stage.SUSPENDED}, M.NO_CASE),
        ({"refs": ()}, M.NOBODY),
        ({"refs": ("contact:1", "contact:2")}, M.NOT_DELIVERED),
        ({"notices": (notice(days_ago=None),)}, M.NOT_DELIVERED),
        ({"notices": (notice(days_ago=6),)}, M.NOTICE_TOO_LATE),
        ({"notices": (notice(days_ago=None, is_hard=True),)}, M.NOT_DELIVERED),
        ({"notices": (notice(days_ago=None), notice(POST, pk=2))}, M.NOT_DELIVERED),
        ({"refs": (), "notices": (notice(POST, days_ago=None),)}, M.NOT_DELIVERED),
        ({"holds": frozenset({Hold.DISPUTE})}, M.DISPUTE),
        ({"holds": frozenset({Hold.IN_FLIGHT})}, M.IN_FLIGHT),
        ({"holds": frozenset({Hold.PROMISE})}, M.PROMISE),
        ({"holds": frozenset({Hold.EXEMPTION})}, M.EXEMPTION),
        ({"is_ordered": False}, M.WARRANT),
        ({"approvers": (1,)}, M.APPROVERS),
        ({"approvers": (1, 1)}, M.APPROVERS),
    ],
)
def test_each_condition_taken_away_is_named_and_nothing_else(changes: dict[str, Any], code: Missing) -> None:
    assert missing(replace(READY, **changes), TODAY) == (code,)


def test_everything_that_is_missing_is_named_in_one_order() -> None:
    bare = LineFacts(subscription_id=1, number="U1", service_number="", account_id=1)
    assert missing(bare, TODAY) == (
        M.NOT_SUSPENDED, M.NOT_OWED, M.NO_CASE, M.NOBODY, M.WARRANT, M.APPROVERS,
    )  # fmt: skip


def test_a_dead_contact_is_replaced_by_a_letter() -> None:
    letter = notice(POST, pk=2)
    told = replace(READY, notices=(notice(days_ago=None, is_hard=True), letter))
    assert missing(told, TODAY) == ()
    assert proofs(told) == {"contact:1": letter}


def test_who_has_no_contact_is_told_by_a_letter() -> None:
    told = replace(READY, refs=(), notices=(notice(POST),))
    assert missing(told, TODAY) == ()
    assert proofs(told) == {POST: notice(POST)}


def test_the_first_delivery_counts() -> None:
    early = notice(days_ago=9, pk=2)
    assert proofs(replace(READY, notices=(notice(), early, notice(days_ago=None, pk=3)))) == {
        "contact:1": early
    }


def test_each_code_has_a_text() -> None:
    assert all(str(code.label) not in ("", code.value) for code in (*Missing, *Unproven))


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"not_before": TODAY}, ()),
        ({"not_before": TODAY + timedelta(1)}, (M.TOO_EARLY,)),
        ({"not_before": None}, (M.TOO_EARLY,)),  # its policy cuts nobody
        ({"minimum_cents": 2}, (M.NOT_OWED,)),
        ({"minimum_cents": 1}, ()),
    ],
)
def test_a_policy_may_ask_for_more_than_the_law(changes: dict[str, Any], codes: tuple[M, ...]) -> None:
    assert missing(replace(READY, **changes), TODAY) == codes
