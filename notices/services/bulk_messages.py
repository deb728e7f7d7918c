"""The same text to many, a chunk at a time: the rows that `messages.send` would write one by one."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from core import arrays
from notices import kinds, queue, rules, selectors
from notices.models import DeliveryState, Template
from notices.services import fallbacks as other_ways
from notices.services.messages import Address, Way, way_of


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to one address; the fields are those of `messages.send`."""

    recipient_ref: str
    address: Address
    context: dict[str, str]
    dedupe_key: str
    language: str = rules.FALLBACK_LANGUAGE
    attachment: str = ""
    unsubscribe_url: str = ""
    fallbacks: Sequence[Address] = ()


@dataclass(frozen=True, slots=True)
class _Text:
    """A template for a language and channel, and the names that it needs."""

    template: Template
    names: frozenset[str]


Texts = dict[tuple[str, str], _Text]


def send(
    *,
    code: str,
    letters: Sequence[Letter],
    as_of: datetime,
    fallback_after: timedelta | None = None,
    priority: int | None = None,
    consent: str = "",
    is_written_later: bool = False,
) -> int:
    """Queues the template `code` for each letter; how many were new. A dedupe key that exists is left alone.

    `is_written_later`: the texts are not rendered now but when they go out, by the version that is active now; that
    they can be is checked here. Raises ConsentNeeded, UnknownTemplate, BadTemplate and ValueError as `messages.send`
    does; then nothing is queued.
    """
    kinds.permit(code, consent)
    texts = _texts(code, letters, as_of)
    wanted = list({letter.dedupe_key: letter for letter in reversed(letters)}.values())  # the first of a key
    plain = way_of(code, (), fallback_after, priority)
    ways = [
        way_of(code, letter.fallbacks, fallback_after, priority) if letter.fallbacks else plain
        for letter in wanted
    ]
    values = _messages(wanted, ways) | _deliveries(wanted, ways, texts, as_of, is_written_later)
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT, values | {"code": code, "consent": consent, "at": as_of, "queued": DeliveryState.QUEUED}
        )
        count = int(cursor.rowcount)
    if count:
        queue.DELIVERIES.poke()
    return count


# Written in one order, so that two of us cannot block each other.
_INSERT = """
    WITH given AS (
        SELECT * FROM unnest(%(refs)s::text[], %(languages)s::text[], %(keys)s::text[], %(contexts)s::text[],
                             %(attachments)s::text[], %(urls)s::text[], %(fallbacks)s::text[], %(templates)s::bigint[],
                             %(channels)s::text[], %(addresses)s::text[], %(bodies)s::text[], %(priorities)s::int[],
                             %(fall_backs_at)s::timestamptz[])
          AS given (recipient_ref, language, dedupe_key, context, attachment, unsubscribe_url, fallbacks, template_id,
                    channel, address, body, priority, fallback_at)
    ), new AS (
        INSERT INTO notices_message (code, recipient_ref, language, dedupe_key, context, attachment, unsubscribe_url,
                                     fallbacks, consent, created_at)
        SELECT %(code)s, recipient_ref, language, dedupe_key, context::jsonb, attachment, unsubscribe_url,
               fallbacks::jsonb, %(consent)s, %(at)s
          FROM given ORDER BY dedupe_key ON CONFLICT (dedupe_key) DO NOTHING RETURNING dedupe_key, id
    )
    INSERT INTO notices_delivery (message_id, template_id, channel, address, body, state, provider, provider_message_id,
                                  attempts, error, failure, priority, fallback_at, created_at, next_attempt_at)
    SELECT new.id, template_id, channel, address, body, %(queued)s, '', '', 0, '', '', priority, fallback_at, %(at)s,
           %(at)s
      FROM new JOIN given USING (dedupe_key) ORDER BY new.id"""


def _messages(letters: Sequence[Letter], ways: Sequence[Way]) -> dict[str, Any]:
    return {
        "refs": arrays.texts(letter.recipient_ref for letter in letters),
        "languages": arrays.texts(letter.language for letter in letters),
        "keys": arrays.texts(letter.dedupe_key for letter in letters),
        "contexts": arrays.texts(_written([letter.context for letter in letters])),
        "attachments": arrays.texts(letter.attachment for letter in letters),
        "urls": arrays.texts(letter.unsubscribe_url for letter in letters),
        "fallbacks": arrays.texts(_written([way.fallbacks for way in ways])),
    }


def _written(values: Sequence[Any]) -> list[str]:
    """Each as JSON; what several letters share is written once."""
    known: dict[int, str] = {}
    return [known.get(id(each)) or known.setdefault(id(each), json.dumps(each)) for each in values]


def _deliveries(
    letters: Sequence[Letter], ways: Sequence[Way], texts: Texts, as_of: datetime, is_written_later: bool
) -> dict[str, Any]:
    found = [texts[letter.language, letter.address.channel] for letter in letters]
    return {
        "templates": arrays.ints(text.template.pk for text in found),
        "channels": arrays.texts(letter.address.channel for letter in letters),
        "addresses": arrays.texts(letter.address.value for letter in letters),
        "bodies": arrays.texts(
            _body(text, letter, is_written_later) for text, letter in zip(found, letters, strict=True)
        ),
        "priorities": arrays.ints(way.priority for way in ways),
        "fall_backs_at": arrays.dates(
            other_ways.due_at(letter.address.channel, way.fallbacks, as_of)
            for letter, way in zip(letters, ways, strict=True)
        ),
    }


def _body(text: _Text, letter: Letter, is_written_later: bool) -> str:
    if not is_written_later:
        return rules.render(text.template.body, letter.context)
    if missing := text.names - letter.context.keys():
        raise rules.BadTemplate(f"no value for {', '.join(sorted(missing))}")
    return ""


def _texts(code: str, letters: Sequence[Letter], as_of: datetime) -> Texts:
    """The template for each language and channel that is asked for, fallbacks included."""
    channels = {each.channel for letter in letters for each in (letter.address, *letter.fallbacks)}
    found: Texts = {}
    for language in {letter.language for letter in letters}:
        templates = selectors.templates(code=code, channels=channels, language=language, as_of=as_of)
        for channel, template in templates.items():
            if template.is_secret:
                raise ValueError(f"{code} is secret: its text must not be stored")
            names = rules.variables(template.body) | rules.variables(template.title)
            found[language, channel] = _Text(template, names)
    return found
