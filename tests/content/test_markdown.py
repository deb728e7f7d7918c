"""Whatever staff type, or somebody types as staff, no script runs on a customer's page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content import markdown


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,AAAA)",
        "[x](//elsewhere.example/)",
        "[x](/\\elsewhere.example)",
        "![x](https://elsewhere.example/pixel.png)",
        '<a href="https://x" onclick="y">z</a>',
        "<style>*{display:none}</style>",
        "<iframe src=//x></iframe>",
    ],
)
def test_nothing_that_acts_gets_through(text: str) -> None:
    found = markdown.html(text)
    for sign in (
        "<script",
        "<img",
        "<iframe",
        "<style",
        'href="javascript',
        'href="data',
        'href="//',
        'href="/\\',
    ):
        assert sign not in found.lower()
    assert "onerror=" not in found.replace("&lt;img src=x onerror=alert(1)&gt;", "")


def test_what_staff_need_is_there() -> None:
    found = markdown.html("# 一\n\n### 二\n\n1. **甲** [乙](/help/) [丙](tel:96123)\n\n|a|b|\n|-|-|\n|1|2|")
    for part in (
        "<h2>一</h2>",
        "<h3>二</h3>",
        "<ol>",
        "<strong>甲</strong>",
        'href="/help/"',
        'href="tel:96123"',
    ):
        assert part in found
    assert "<table>" in found
    assert 'rel="noopener noreferrer"' in found


def test_plain_text_is_text() -> None:
    assert markdown.plain("**甲** [乙](/x/)\n\n- 丙 <b> & 丁") == "甲 乙 丙 <b> & 丁"


@given(st.text(alphabet=st.sampled_from("<>\"'/\\()[]!&;:=ab#*` \n|-javscriptonload"), max_size=80))
def test_any_text_gives_only_allowed_tags(text: str) -> None:
    import re

    tags = {name.lower() for name in re.findall(r"<\s*/?\s*([a-zA-Z][\w-]*)", markdown.html(text))}
    assert tags <= markdown.TAGS
