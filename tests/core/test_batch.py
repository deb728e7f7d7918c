import gc

from core import batch


def test_cycles_are_looked_for_seldom_inside_and_as_before_outside() -> None:
    before = gc.get_threshold()
    with batch.collecting_rarely():
        assert gc.get_threshold()[0] >= 100 * before[0]
        assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
