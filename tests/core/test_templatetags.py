import pytest
from django.template import Context, Template


@pytest.mark.parametrize(
    ("cents", "shown"), [(2600, "¥26.00"), (123450, "¥1,234.50"), (-1, "-¥0.01"), (0, "¥0.00")]
)
def test_amounts_in_pages(cents: int, shown: str) -> None:
    assert Template("{% load money %}{{ cents|yuan }}").render(Context({"cents": cents})) == shown
