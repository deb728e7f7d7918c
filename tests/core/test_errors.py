from collections.abc import Iterator

from django.utils import translation

from core.errors import HallError, NotFound
from core.statemachine import IllegalTransition


def _subclasses(base: type[HallError]) -> Iterator[type[HallError]]:
    for sub in base.__subclasses__():
        if not sub.__module__.startswith("tests."):
            yield sub
            yield from _subclasses(sub)


def test_every_error_has_a_code_of_its_own() -> None:
    """Those that keep the base's code say nothing in particular: the unexpected, and a refusal told once more."""
    codes = sorted(error.code for error in _subclasses(HallError) if error.code != HallError.code)
    assert codes == sorted(set(codes))


def test_codes_have_one_form_and_statuses_are_refusals() -> None:
    for error in _subclasses(HallError):
        assert error.code.replace("_", "").isalnum(), error
        assert error.code == error.code.upper(), error
        assert 400 <= error.status < 600, error
        assert str(error.message).strip(), error


def test_the_text_is_in_the_language_of_the_moment_and_filled_in() -> None:
    with translation.override("zh-hans"):
        error = IllegalTransition(from_state="DONE", to_state="DRAFT")
        assert error.text == "当前状态（DONE）不能变为 DRAFT"
        assert str(error) == "ILLEGAL_TRANSITION: 当前状态（DONE）不能变为 DRAFT"
    assert error.params == {"from_state": "DONE", "to_state": "DRAFT"}


def test_a_message_without_parameters_may_hold_a_percent_sign() -> None:
    class Full(HallError):
        code = "FULL"
        message = "100% used"

    assert Full().text == "100% used"
    assert NotFound().status == 404
