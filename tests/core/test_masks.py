import pytest

from core import masks


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("+8613800000001", "138****0001"),
        ("13800000001", "138****0001"),
        ("+85291234567", "****4567"),
        ("1234", "****"),
        ("wang@example.com", "w***@example.com"),
        ("", ""),
    ],
)
def test_enough_to_recognise_too_little_to_use(given: str, shown: str) -> None:
    assert masks.address(given) == shown
