"""Markdown to HTML that may stand on a page: CommonMark without raw HTML, then cleaned by a list of what is allowed."""

import re
from functools import lru_cache
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt

# Headings begin at the third level in the text and stand at the second on the page, beneath its title.
_PARSER = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table").enable("strikethrough")
TAGS = {
    "p", "br", "hr", "h2", "h3", "h4", "ul", "ol", "li", "strong", "em", "s", "code", "pre", "blockquote", "a",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
SCHEMES = {"http", "https", "tel", "mailto"}
_HEADING = re.compile(r"<(/?)h([1-6])>")


@lru_cache(maxsize=512)
def html(text: str) -> str:
    """Safe HTML. A picture in the text is left out; a link elsewhere opens without telling where the reader was."""
    rendered = _HEADING.sub(_lowered, str(_PARSER.render(text)))
    return nh3.clean(
        rendered,
        tags=TAGS,
        attributes={"a": {"href"}, "ol": {"start"}},
        attribute_filter=_attribute,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer",
        strip_comments=True,
    )


def plain(text: str) -> str:
    """The text alone: for the search, and for feeds that take no HTML."""
    stripped = nh3.clean(str(_PARSER.render(text)), tags=set(), attributes={})
    return " ".join(stripped.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">").split())


def _lowered(found: re.Match[str]) -> str:
    """# and ## become the second level, everything deeper keeps its distance, down to the fourth."""
    return f"<{found[1]}h{min(4, max(2, int(found[2])))}>"


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Addresses that name no host must be within the site: "/help/", not "//elsewhere"."""
    if tag == "a" and name == "href" and value.startswith(("//", "/\\", "\\")):
        return None
    if tag == "a" and name == "href" and urlsplit(value).scheme == "" and not value.startswith(("/", "#")):
        return None
    return value
