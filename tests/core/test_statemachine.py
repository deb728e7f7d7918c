import pytest

from core.statemachine import IllegalTransition, Machine


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Machine, "registry", {})


def door() -> Machine:
    return Machine(
        name="door",
        initial="SHUT",
        transitions={"SHUT": frozenset({"OPEN", "GONE"}), "OPEN": frozenset({"SHUT"}), "GONE": frozenset()},
    )


def test_steps_are_those_of_the_table_and_no_others() -> None:
    machine = door()
    allowed = {(a, b) for a in machine.transitions for b in machine.transitions if machine.allows(a, b)}
    assert allowed == {("SHUT", "OPEN"), ("SHUT", "GONE"), ("OPEN", "SHUT")}


def test_check_refuses_with_both_states() -> None:
    door().check("SHUT", "OPEN")
    with pytest.raises(IllegalTransition) as refused:
        door().check("GONE", "OPEN")
    assert refused.value.params == {"from_state": "GONE", "to_state": "OPEN"}


def test_end_states_are_those_without_a_way_out() -> None:
    assert door().end_states == {"GONE"}


def test_a_state_without_a_row_is_refused() -> None:
    with pytest.raises(ValueError, match="LOST"):
        Machine(name="x", initial="A", transitions={"A": frozenset({"LOST"})})
    with pytest.raises(ValueError, match="B"):
        Machine(name="x", initial="B", transitions={"A": frozenset()})


def test_a_name_stands_for_one_machine() -> None:
    assert door() == door()
    with pytest.raises(ValueError, match="door"):
        Machine(name="door", initial="A", transitions={"A": frozenset()})
