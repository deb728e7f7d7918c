"""How a text will read: with the samples of its kind, or with what is known of one recipient.

Rooms that know recipients say what they know of one, for any kind of notice:

    @previews.filler
    def bills(recipient_ref: str) -> dict[str, str]: …   # {} for whom it does not know

What was really told a recipient last comes before that. Private variables are shown as samples.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.utils import translation

from notices import rules, sms_text
from notices.kinds import Kind
from notices.models import Channel, Message

Fill = Callable[[str], Mapping[str, str]]
_fillers: list[Fill] = []


@dataclass(frozen=True, slots=True)
class Values:
    """A value for each variable of a kind; `sampled` names those that are samples."""

    by_name: Mapping[str, str]
    sampled: frozenset[str]

    @property
    def are_known(self) -> bool:
        """Whether anything of it is somebody's own."""
        return bool(self.by_name.keys() - self.sampled)


@dataclass(frozen=True, slots=True)
class Preview:
    title: str
    body: str
    size: sms_text.Size | None  # None: not an SMS


def filler(fill: Fill) -> Fill:
    """Registers what a room knows of a recipient."""
    _fillers.append(fill)
    return fill


def samples(kind: Kind, language: str) -> Values:
    with translation.override(language):
        return Values(kind.samples, kind.names)


def of_recipient(kind: Kind, recipient_ref: str, language: str) -> Values:
    """What the kind would tell this recipient, as far as anybody knows. Whoever asks has the right to it."""
    with translation.override(language):
        known: dict[str, str] = {}
        for fill in _fillers:
            known |= fill(recipient_ref)
        by_name = kind.samples
    last = Message.objects.filter(code=kind.code, recipient_ref=recipient_ref, language=language)
    known |= last.order_by("-id").values_list("context", flat=True).first() or {}
    shown = {each.name for each in kind.variables if not each.is_private} & known.keys()
    return Values(by_name | {name: known[name] for name in shown}, kind.names - shown)


def show(channel: str, title: str, body: str, values: Values) -> Preview:
    """The text with these values; names without a value stand as they were written. Raises BadTemplate."""
    asked = rules.variables(title) | rules.variables(body)
    given = {name: f"{{{{ {name} }}}}" for name in asked} | dict(values.by_name)
    rendered = rules.render(body, given)
    size = sms_text.size(rendered) if channel == Channel.SMS else None
    return Preview(rules.render(title, given), rendered, size)
