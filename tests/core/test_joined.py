from django.utils import translation

from core import joined


def test_signs_are_those_of_the_language() -> None:
    later = joined.clauses_lazy(["甲", "乙", "丙"])
    assert joined.words(["甲", "乙"]) == "甲、乙"
    assert joined.clauses([1, 2]) == "1；2"
    assert str(later) == "甲；乙；丙"
    with translation.override("en"):
        assert joined.words(["a", "b"]) == "a, b"
        assert joined.clauses([1, 2]) == "1; 2"
        assert str(later) == "甲; 乙; 丙"


def test_one_and_none_have_no_sign() -> None:
    assert joined.words([]) == joined.clauses([]) == str(joined.clauses_lazy([])) == ""
    assert joined.words(["甲"]) == str(joined.clauses_lazy(["甲"])) == "甲"
