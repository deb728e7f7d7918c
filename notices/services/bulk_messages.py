"""The same text to many, a chunk at a time: the rows that `messages.send` would write one by one."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from notices import queue, rules, selectors
from notices.models import Delivery, Template
from notices.services.messages import Address


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


@transaction.atomic
def send(*, code: str, letters: Sequence[Letter], as_of: datetime) -> int:
    """Queues the template `code` for each letter; how many were new. A dedupe key that exists is left alone.

    Raises UnknownTemplate, BadTemplate and ValueError as `messages.send` does; then nothing is queued.
    """
    texts = _texts(code, letters, as_of)
    new = _messages(code, letters, as_of)
    rows = []
    for letter in letters:
        if message_id := new.pop(letter.dedupe_key, None):  # a key that is twice among them is one message
            template = texts[letter.language, letter.address.channel]
            rows.append(_delivery(message_id, template, letter, as_of))
    Delivery.objects.bulk_create(rows)
    if rows:
        queue.DELIVERIES.poke()
    return len(rows)


_INSERT = """
    INSERT INTO notices_message (code, recipient_ref, language, dedupe_key, context, attachment, unsubscribe_url,
                                 created_at)
    SELECT %(code)s, recipient_ref, language, dedupe_key, context::jsonb, attachment, unsubscribe_url, %(at)s
      FROM unnest(%(refs)s::text[], %(languages)s::text[], %(keys)s::text[], %(contexts)s::text[],
                  %(attachments)s::text[], %(urls)s::text[])
        AS given (recipient_ref, language, dedupe_key, context, attachment, unsubscribe_url)
     ORDER BY dedupe_key ON CONFLICT (dedupe_key) DO NOTHING RETURNING dedupe_key, id"""


def _messages(code: str, letters: Sequence[Letter], as_of: datetime) -> dict[str, int]:
    """The ids of the messages that are new, by dedupe key; written in one order, so that two of us cannot block."""
    values: dict[str, Any] = {
        "code": code,
        "at": as_of,
        "refs": [letter.recipient_ref for letter in letters],
        "languages": [letter.language for letter in letters],
        "keys": [letter.dedupe_key for letter in letters],
        "contexts": [json.dumps(letter.context) for letter in letters],
        "attachments": [letter.attachment for letter in letters],
        "urls": [letter.unsubscribe_url for letter in letters],
    }
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)
        return dict(cursor.fetchall())


def _texts(code: str, letters: Sequence[Letter], as_of: datetime) -> dict[tuple[str, str], Template]:
    """The template for each language and channel that is asked for."""
    channels = {letter.address.channel for letter in letters}
    found: dict[tuple[str, str], Template] = {}
    for language in {letter.language for letter in letters}:
        templates = selectors.templates(code=code, channels=channels, language=language, as_of=as_of)
        found |= {(language, channel): template for channel, template in templates.items()}
    for template in found.values():
        if template.is_secret:
            raise ValueError(f"{code} is secret: its text must not be stored")
    return found


def _delivery(message_id: int, template: Template, letter: Letter, as_of: datetime) -> Delivery:
    return Delivery(
        message_id=message_id,
        template=template,
        channel=letter.address.channel,
        address=letter.address.value,
        body=rules.render(template.body, letter.context),
        created_at=as_of,
        next_attempt_at=as_of,
    )
