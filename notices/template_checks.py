"""What a text of a kind may and must hold. Decides only: no database, no clock, no settings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from notices import rules
from notices.kinds import WAY_OUT_NAME, Kind
from notices.models import Channel

_LEFT_OVER = re.compile(r"\{\{|\}\}")


@dataclass(frozen=True, slots=True)
class Text:
    """A text as somebody wrote it."""

    channel: str
    title: str
    body: str
    is_secret: bool

    @property
    def names(self) -> frozenset[str]:
        """The variables that it asks for."""
        return rules.variables(self.title) | rules.variables(self.body)


@dataclass(frozen=True, slots=True)
class Problem:
    """`field` is "title", "body" or "is_secret"."""

    field: str
    text: str


def problems(kind: Kind, text: Text) -> list[Problem]:
    """Everything that keeps this text from being sent; nothing: it may be."""
    return [*_shape(text), *_variables(kind, text), *_promises(kind, text)]


def _shape(text: Text) -> Iterator[Problem]:
    for field, words in (("title", text.title), ("body", text.body)):
        if not _is_plain(words):
            yield Problem(field, _("模板只能使用 {{ 变量 }}，不能使用其他模板语法"))
    if text.channel != Channel.SMS and not text.title:
        yield Problem("title", _("短信以外的渠道必须有标题"))


def _is_plain(words: str) -> bool:
    """Whatever is left of braces would be sent as it stands: a name in capitals, a filter."""
    try:
        rendered = rules.render(words, dict.fromkeys(rules.variables(words), "x"))
    except rules.BadTemplate:
        return False
    return _LEFT_OVER.search(rendered) is None


def _variables(kind: Kind, text: Text) -> Iterator[Problem]:
    for field, words in (("title", text.title), ("body", text.body)):
        if unknown := rules.variables(words) - kind.names:
            told = {"names": _list(unknown), "allowed": _list(kind.names)}
            yield Problem(field, _("这些变量没有值：%(names)s。可以使用：%(allowed)s") % told)


def _promises(kind: Kind, text: Text) -> Iterator[Problem]:
    """What its senders and the law count on."""
    used = rules.variables(text.body)
    if text.is_secret != kind.is_secret:
        yield Problem("is_secret", _("同一模板代码的各个版本，是否保密必须一致"))
    if "code" in kind.names and "code" not in used:
        yield Problem("body", _("这个模板必须写出验证码 {{ code }}"))
    if kind.is_marketing and WAY_OUT_NAME not in used:
        yield Problem("body", _("营销信息必须写明退订办法 {{ way_out }}"))
    if kind.is_legal and (missing := kind.names - used):
        yield Problem("body", _("法定通知必须写明：%(names)s") % {"names": _list(missing)})


def _list(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
