"""Which pages there are for somebody, found by following the links; and what can be wrong with a page."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import axe_playwright_python
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve, reverse
from playwright.sync_api import ConsoleMessage, Page

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
# Not pages of ours for customers: staff's side has its own walk, the others answer machines or hand out files.
ELSEWHERE = re.compile(
    r"^/(admin|api|static|i18n|healthz|readyz|metrics|sw\.js|manifest\.webmanifest|payments/callbacks|styleguide|offline)"
)
# What these show depends on what their address asks for: two pages, one with and one without.
ASKED = {"catalog:compare", "catalog:order", "catalog:change", "catalog:cancel", "catalog:services"}
# Reached by a form and not by a link.
SEEDS = ("/offers/compare/?offer=bb100&offer=bb300&offer=bb1000", "/numbers/?ending=8")
LINK = re.compile(r'<a\b[^>]*?\bhref="([^"#]+)')


def parameterless(patterns: Any = None, space: str = "") -> Iterator[str]:
    """The paths of all named addresses that take no parameter."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            inner = pattern.namespace or ""
            if not pattern.pattern.regex.groups:
                yield from parameterless(pattern.url_patterns, f"{space}{inner}:" if inner else space)
        elif isinstance(pattern, URLPattern) and pattern.name and not pattern.pattern.regex.groups:
            try:
                yield reverse(space + pattern.name)
            except Exception:  # an address beneath one that takes a parameter
                continue


def kind_of(path: str) -> str:
    """What makes two addresses the same page: the route, for some whether it asks, for an operation's form which."""
    parts = urlsplit(path)
    try:
        match = resolve(parts.path)
    except Resolver404:
        return ""
    if not match.route:
        return "/"
    if parts.query and match.view_name in ASKED:
        return f"{match.route}?"
    return (
        f"{match.route}|{match.kwargs['code']}"
        if match.namespace == "operations" and "code" in match.kwargs
        else match.route
    )


def pages_of(page: Page) -> dict[str, str]:
    """One address of every kind of page that whoever the page's browser is logged in as can open: kind → path."""
    found: dict[str, str] = {}
    waiting = ["/", *SEEDS, *sorted(parameterless())]
    tried: set[str] = set()
    while waiting:
        path = waiting.pop(0)
        kind = kind_of(path)
        if not kind or kind in tried or ELSEWHERE.match(path):
            continue
        tried.add(kind)
        answer = page.request.get(path, max_redirects=0)
        if answer.status != 200 or "text/html" not in answer.headers.get("content-type", ""):
            continue
        found[kind] = path
        waiting += [
            urljoin(path, link.replace("&amp;", "&")) for link in LINK.findall(answer.text()) if _ours(link)
        ]
    return found


def _ours(link: str) -> bool:
    return (
        link.startswith(("/", "?"))
        and not link.startswith("//")
        and "page" not in parse_qs(urlsplit(link).query)
    )


def watch(page: Page) -> list[str]:
    """Collects what is written to the console: a sound page writes nothing. Pages opened after this have axe."""
    page.context.add_init_script(AXE)
    page.emulate_media(reduced_motion="reduce")  # a colour half-way between two themes is neither's
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        complaints.append(f"{page.url}: {message.type}: {message.text}")

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    return complaints


def objections(page: Page, rules: tuple[str, ...] = ()) -> list[str]:
    """What axe finds wrong: all its rules, or these."""
    found: list[str] = page.evaluate(
        """async rules => {
            // No rule of the default set reads what preload would fetch; our pages have no frames.
            const options = {resultTypes: ["violations"], preload: false, iframes: false};
            if (rules.length) options.runOnly = {type: "rule", values: rules};
            const found = (await axe.run(document, options)).violations;
            return found.flatMap(each => each.nodes.map(node => each.id + ": " + node.html.slice(0, 160)));
        }""",
        list(rules),
    )
    return found


def wider_by(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider


def dress(page: Page, *, theme: str = "light", text: str = "normal", width: int = 360) -> None:
    """The open page in another look; the server would send the same page with other attributes."""
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate(
        """([theme, text]) => {
            document.documentElement.dataset.theme = theme;
            document.documentElement.dataset.text = text;
        }""",
        [theme, text],
    )
