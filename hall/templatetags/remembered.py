"""`{% include %}` and `{% url %}` for every template, which remember what they gave for the same values.

A page has about a hundred icons, tiles and addresses of its frame, the same on each. What a part below reads is all
that its output depends on, beside the language; a test compares this table with the templates. Parts that show what
is somebody's own (amounts, rows, forms) are not here: they would fill the memory and never be asked for again.
"""

from typing import Any

from django import template
from django.conf import settings
from django.template.base import FilterExpression, Node, Parser, Token, Variable, VariableDoesNotExist
from django.template.context import Context
from django.template.defaulttags import URLNode
from django.template.defaulttags import url as django_url
from django.template.loader_tags import IncludeNode, do_include
from django.urls import NoReverseMatch, get_script_prefix, get_urlconf, reverse
from django.utils.functional import Promise
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

register = template.Library()

# Template → the names that it reads; what is missing counts as None.
READS: dict[str, tuple[str, ...]] = {
    "components/icon.html": ("name", "size", "label"),
    "components/tile.html": ("href", "icon", "label", "sub"),
    "components/badge.html": ("kind", "label"),
    "components/card_head.html": ("title", "icon", "href", "link_label"),
    "components/drawing.html": ("name",),
    "components/share.html": ("site_name", "base_url", "share_title", "share_text"),
    "components/footer.html": ("site_name", "help_line"),
    "content/drawing.html": ("name",),
    "content/header_search.html": (),
    "content/site_menu.html": (),
    "hall/front_places.html": (),
}
MOST = 5_000  # outputs; then it begins anew
_SIMPLE = frozenset({str, SafeString, int, bool, type(None)})
_remembered: dict[tuple[Any, ...], SafeString] = {}


class RememberedInclude(IncludeNode):
    """An include of one of the parts above."""

    def __init__(self, name: str, node: IncludeNode) -> None:
        super().__init__(
            node.template, extra_context=node.extra_context, isolated_context=node.isolated_context
        )
        self._name = name
        reads, given = READS[name], node.extra_context
        self._given = [(read, given[read]) for read in reads if read in given]
        self._read = [Variable(read) for read in reads if read not in given and not node.isolated_context]

    def __repr__(self) -> str:
        return f"<RememberedInclude: {self._name}>"

    def render(self, context: Context) -> SafeString:
        values = [_plain(found.resolve(context)) for _read, found in self._given]
        values += [_plain(_resolved(variable, context)) for variable in self._read]
        if settings.DEBUG or not _SIMPLE.issuperset(map(type, values)):
            return super().render(context)
        names = tuple(name for name, _found in self._given)
        # A SafeString equals the str that would be escaped: the types are part of the key.
        key = (self._name, get_language(), context.autoescape, names, *values, *map(type, values))
        if (known := _remembered.get(key)) is None:
            known = mark_safe(super().render(context))
            keep(key, known)
        return known


class RememberedURL(URLNode):
    """The address of a view without arguments."""

    def __init__(self, name: str, node: URLNode) -> None:
        super().__init__(node.view_name, node.args, node.kwargs, node.asvar)
        self._name = name

    def __repr__(self) -> str:
        return f"<RememberedURL: {self._name}>"

    def render(self, context: Context) -> str:
        key = (self._name, _current_app(context), get_script_prefix(), get_urlconf(), get_language())
        if (known := _remembered.get(key)) is None:
            try:
                known = escape(reverse(self._name, current_app=key[1]))
            except NoReverseMatch:
                return super().render(context)
            keep(key, known)
        if self.asvar is None:
            return known
        context[self.asvar] = known
        return ""


def _current_app(context: Context) -> str | None:
    """In whose name space a name is looked for first: as Django's tag finds it."""
    request = getattr(context, "request", None)
    match = getattr(request, "resolver_match", None)
    found: str | None = getattr(request, "current_app", match.namespace if match else None)
    return found


def keep(key: tuple[Any, ...], output: SafeString) -> None:
    if len(_remembered) >= MOST:
        _remembered.clear()
    _remembered[key] = output


def forget() -> None:
    """For tests that change templates or addresses."""
    _remembered.clear()


@register.tag("include")
def include(parser: Parser, token: Token) -> Node:
    """As Django's."""
    node = do_include(parser, token)
    name = _constant(node.template)
    return RememberedInclude(name, node) if name in READS else node


@register.tag("url")
def url(parser: Parser, token: Token) -> Node:
    """As Django's."""
    node = django_url(parser, token)
    name = _constant(node.view_name)
    return RememberedURL(name, node) if name and not node.args and not node.kwargs else node


def _constant(expression: FilterExpression) -> str:
    """The text that stands in the template; "" for anything else."""
    return str(expression.var) if isinstance(expression.var, str) and not expression.filters else ""


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Promise) else value


def _resolved(variable: Variable, context: Context) -> Any:
    try:
        return variable.resolve(context)
    except VariableDoesNotExist:
        return None
