"""What templates remember of their parts is what Django would have made anew."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.template import Context, Engine, RequestContext, Template
from django.template.base import Node, Variable
from django.template.defaulttags import CsrfTokenNode, NowNode
from django.template.library import InclusionNode, SimpleNode
from django.template.loader import get_template
from django.template.loader_tags import IncludeNode
from django.test import RequestFactory
from django.test.utils import override_settings
from django.urls import NoReverseMatch
from django.utils import translation
from django.utils.safestring import mark_safe

from hall.templatetags import remembered
from hall.templatetags.remembered import READS

ICON = '{% include "components/icon.html" with name=name label=label only %}'
TILE = '{% include "components/tile.html" with href="/" icon="help" label=label sub=sub only %}'


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> None:
    remembered.forget()


def rendered(source: str, **values: Any) -> str:
    return Template(source).render(Context(values))


def inside(thing: Any, seen: dict[int, Any]) -> Iterator[Any]:
    """Every node and variable of a template, at any depth; what isolated includes do is theirs."""
    if id(thing) in seen:
        return
    seen[id(thing)] = thing  # kept: a number of what is gone would come again
    if isinstance(thing, (list, tuple)):
        for each in thing:
            yield from inside(each, seen)
    elif isinstance(thing, dict):
        yield from inside(list(thing.values()), seen)
    elif type(thing).__module__.startswith(("django.template", "django.templatetags", "hall.", "content.")):
        yield thing
        names = {*getattr(thing, "__dict__", ()), *getattr(type(thing), "__slots__", ())}
        hidden = {"origin", "token", "template", "_read"} if isinstance(thing, Node) else {"origin", "token"}
        yield from inside([getattr(thing, name, None) for name in names - hidden], seen)


@pytest.mark.parametrize("name", READS)
def test_a_part_reads_nothing_else(name: str) -> None:
    found = list(inside(get_template(name).template.nodelist, {}))  # type: ignore[attr-defined]  # Django's own
    assigned = {node.asvar for node in found if getattr(node, "asvar", None)}
    assigned |= {node.variable for node in found if type(node).__name__ == "GetCurrentLanguageNode"}
    read = {each.lookups[0] for each in found if isinstance(each, Variable) and each.lookups}
    assert read - assigned == set(READS[name])
    for node in found:
        assert not isinstance(node, (CsrfTokenNode, NowNode, InclusionNode, SimpleNode))
        if isinstance(node, IncludeNode):
            assert node.isolated_context or node.template.var in READS


@pytest.mark.parametrize(
    "values",
    [
        {"name": "help", "label": "<b>"},
        {"name": "help", "label": mark_safe("<b>")},
        {"name": "help", "label": ""},
        {"name": "help"},
        {"name": "pay", "label": 1},
        {"name": "pay", "label": True},
    ],
)
def test_it_gives_what_django_gives(values: dict[str, Any]) -> None:
    plain = Engine(dirs=Engine.get_default().dirs, libraries=Engine.get_default().libraries)
    expected = plain.from_string(ICON).render(Context(values))
    for _ in range(2):
        for others in ({"name": "help", "label": "<b>"}, {"name": "help", "label": mark_safe("<b>")}, values):
            given = rendered(ICON, **others)
        assert given == expected


def test_what_is_not_simple_is_made_anew() -> None:
    class Growing:
        said = 0

        def __str__(self) -> str:
            self.said += 1
            return f"label {self.said}"

    growing = Growing()
    assert "label 1" in rendered(TILE, label=growing)
    assert "label 2" in rendered(TILE, label=growing)


def test_each_language_has_its_own() -> None:
    menu = '{% include "content/site_menu.html" %}'
    with translation.override("en"):
        english = rendered(menu)
    assert "营业厅" in rendered(menu)
    assert "营业厅" not in english


def test_words_that_are_translated_late_are_those_of_the_language() -> None:
    late = translation.gettext_lazy("使用帮助")
    with translation.override("en"):
        english = rendered(TILE, label=late)
    assert "使用帮助" in rendered(TILE, label=late)
    assert "使用帮助" not in english


@pytest.mark.parametrize("is_debug", [False, True])
def test_developers_see_what_they_change(is_debug: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with override_settings(DEBUG=is_debug):
        before = rendered(ICON, name="help")
        monkeypatch.setattr(IncludeNode, "render", lambda self, context: "changed")
        assert (rendered(ICON, name="help") == before) is not is_debug


def test_it_begins_anew_when_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", 3)
    for number in range(10):
        assert f"#n{number}" in rendered(ICON, name=f"n{number}")
        assert len(remembered._remembered) <= 3


def test_addresses() -> None:
    for _ in range(2):
        assert rendered("{% url 'hall:home' %}") == "/"
        assert rendered("{% url 'hall:home' as href %}[{{ href }}]") == "[/]"
        assert rendered("{% url 'operations:form' 'bill.pay' %}").endswith("bill.pay/")
        assert rendered("{% url 'no-such:view' as href %}[{{ href }}]") == "[]"
        with pytest.raises(NoReverseMatch):
            rendered("{% url 'no-such:view' %}")


def test_an_address_in_the_name_space_of_the_page() -> None:
    request = RequestFactory().get("/")
    request.current_app = "admin"  # as the admin site sets it
    source = Template("{% url 'admin:index' %}")
    assert source.render(RequestContext(request)) == source.render(Context()) == "/admin/"
