"""The random stories can pay in the second in which a plan is run, and their truth would see the cut."""

import pytest
from django.db import connection

from arrears import disconnect_rules
from arrears.disconnect_rules import Missing
from tests.arrears.test_never_unheard import Unheard, settings_of_uploads  # noqa: F401  # a fixture

pytestmark = pytest.mark.usefixtures("settings_of_uploads")


@pytest.mark.django_db
@pytest.mark.parametrize(("due_in", "percent", "cuts"), [(15, 50, 0), (0, 50, 0), (-30, 50, 0), (-31, 50, 1)])
def test_a_story_can_pay_in_the_second_of_the_cut(due_in: int, percent: int, cuts: int) -> None:
    """The control: half of it pays what was late, and the machine has a plan run before anybody heard of it."""
    machine = Unheard()
    machine.he_may_be_late_already(95, "good", "good")
    machine.world.days(2)
    machine.he_pays_in_the_second_of_the_cut(due_in, percent)
    assert (machine.cuts, machine.world.owes()) == (cuts, 2600)
    machine.teardown()


@pytest.mark.django_db
def test_were_they_cut_the_machine_would_find_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the control: without the law, and with a door that does not ask what was late."""
    asked = disconnect_rules.missing
    monkeypatch.setattr(
        disconnect_rules,
        "missing",
        lambda facts, today: tuple(code for code in asked(facts, today) if code != Missing.NOT_OWED),
    )
    machine = Unheard()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE catalog_termination DISABLE TRIGGER USER")
    machine.he_may_be_late_already(95, "good", "good")
    machine.world.days(2)
    with pytest.raises(AssertionError):
        machine.he_pays_in_the_second_of_the_cut(15, 50)
    assert machine.cuts == 1
    machine.teardown()
