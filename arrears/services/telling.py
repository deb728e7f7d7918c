"""The notices of a case: one message for each contact, one in the inbox, a letter where nothing else is left.

Texts are rendered when they go out; here the messages are queued with their values, once by dedupe key. Those for whom
somebody else pays are told in words of their own: what becomes of their service, and nothing of his money.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection
from django.urls import reverse
from django.utils import formats, translation
from django.utils.functional import Promise

from arrears import rules
from arrears.choices import Hold, Stage
from arrears.rule_facts import INBOX, POST, Facts, PolicyFacts, Reach
from arrears.selectors.facts import Subject
from core import arrays, money
from core.clock import local_date
from notices import kinds
from notices.models import Channel
from notices.services import bulk_messages, messages
from notices.services.messages import Address

if TYPE_CHECKING:
    from arrears.services.casework import Judged

Said = str | date | Promise  # lazy texts are said in the language of whoever reads them
Wanted = tuple[Subject, str, dict[str, Said]]  # an account, the key of what it is told, and the values
_CASE_NOTICES = """
    INSERT INTO arrears_casenotice (case_id, rule_id, stage, contact_ref, contact_id, message_id, told_on, created_at)
    SELECT case_id, rule_id, stage, ref, contact_id, m.id, %(today)s, %(at)s
      FROM unnest(%(cases)s::bigint[], %(rules)s::bigint[], %(stages)s::text[], %(refs)s::text[],
                  %(contacts)s::bigint[], %(keys)s::text[]) AS given (case_id, rule_id, stage, ref, contact_id, key)
      JOIN notices_message m ON m.dedupe_key = given.key
     ORDER BY case_id, rule_id, ref ON CONFLICT (case_id, rule_id, contact_ref) DO NOTHING"""
_LANGUAGES = "SELECT phone, language FROM accounts_user WHERE phone = ANY(%s::text[]) AND language <> %s"
_OF_WHO_PAYS = frozenset({"amount", "due_on"})  # what he owes is nobody else's matter
_RECEIPTED = (Channel.SMS, Channel.EMAIL)
_NAME_A_STEP = ("bill_overdue", "promise_broken")
_INBOX = Reach(INBOX, Channel.INBOX, messages.INBOX.value)


def tell_notices(wanted: Sequence[tuple["Judged", int | None]], *, as_of: datetime) -> int:
    """Queues what was decided to be told, with a row of the case for each; how many messages were new."""
    if not wanted:
        return 0
    today = local_date(as_of)
    languages = _languages(each.subject for each, _case in wanted)
    letters: defaultdict[str, list[bulk_messages.Letter]] = defaultdict(list)
    rows: list[tuple[int, int, str, str, int | None, str]] = []
    for each, case_id in wanted:
        assert case_id is not None
        subject = each.subject
        said = _Contexts(subject, _values(subject.facts, each, today))
        for rule, refs in each.decision.notices:
            for wanted_ref in refs:
                reach = _reach(subject, wanted_ref)
                ref = _written(subject, wanted_ref)
                key = f"arrears:{case_id}:{rule.id}:{ref}"
                code = rules.FAMILY_TEXTS[rule.stage] if reach.member else wording(rule.code, subject.facts)
                letters[code].append(_letter(code, said, reach, key, _language(subject, reach, languages)))
                rows.append((case_id, rule.id, str(rule.stage), ref, reach.contact_id, key))
    new = sum(
        bulk_messages.send(code=code, letters=each, as_of=as_of, is_written_later=True)
        for code, each in letters.items()
    )
    _keep(rows, today, as_of)
    return new


def wording(code: str, facts: Facts) -> str:
    """The kind that says it: who pays for no line is threatened with the end of none."""
    return "debt_overdue" if code in _NAME_A_STEP and not facts.has_lines else code


def tell_restored(subjects: Sequence[Subject], *, as_of: datetime) -> int:
    """Service is back, also of those for whom he pays."""
    wanted: list[Wanted] = [(each, f"restored:{each.case_id}", {}) for each in subjects]
    return tell_all("restored", wanted, as_of=as_of) + tell_family("restored", wanted, as_of=as_of)


def tell_held(judged: Sequence["Judged"], *, as_of: datetime) -> int:
    """Which hold stops what would come next, and until when. A promise was told of when it was made."""
    return tell_all("held_back", _held(judged), as_of=as_of)


def held_keys(judged: Sequence["Judged"]) -> list[str]:
    """The keys of all messages that `tell_held` would see to."""
    return [
        f"arrears:{key}:{reach.ref}" for subject, key, _more in _held(judged) for reach in everywhere(subject)
    ]


def _held(judged: Sequence["Judged"]) -> list[Wanted]:
    return [
        (each.subject, f"held:{each.subject.case_id}:{hold}:{until}", {"holds": hold.label, "until": until})
        for each in judged
        for hold, until in each.decision.holds
        if hold != Hold.PROMISE
    ]


def everywhere(subject: Subject) -> tuple[Reach, ...]:
    """Every live contact of who pays, and the inbox."""
    return (*(each for each in subject.facts.contacts if not each.member), _INBOX)


def family(subject: Subject, member: str = "") -> tuple[Reach, ...]:
    """Every live contact of those for whom he pays; `member`: of that account."""
    return tuple(each for each in subject.facts.contacts if each.member and member in ("", each.member))


def tell_all(code: str, wanted: Sequence[Wanted], *, as_of: datetime) -> int:
    """The same text on every live contact and in the inbox of each account; how many messages were new."""
    return _tell(code, [(*each, everywhere(each[0])) for each in wanted], as_of=as_of)


def tell_family(code: str, wanted: Sequence[Wanted], *, as_of: datetime, member: str = "") -> int:
    """The same text on every live contact of those for whom these accounts pay."""
    return _tell(code, [(*each, family(each[0], member)) for each in wanted], as_of=as_of)


def _tell(
    code: str, wanted: Sequence[tuple[Subject, str, dict[str, Said], tuple[Reach, ...]]], *, as_of: datetime
) -> int:
    if not any(reaches for *_rest, reaches in wanted):
        return 0
    languages = _languages(subject for subject, *_rest in wanted)
    letters = []
    for subject, key, more, reaches in wanted:
        values: dict[str, Said] = {
            "amount": money.display(max(0, subject.facts.owed_cents)),
            "day": local_date(as_of),
            **more,
        }
        said = _Contexts(subject, values)
        for reach in reaches:
            language = _language(subject, reach, languages)
            letters.append(_letter(code, said, reach, f"arrears:{key}:{reach.ref}", language))
    return bulk_messages.send(code=code, letters=letters, as_of=as_of, is_written_later=True)


def days_ahead(facts: Facts, policy: PolicyFacts, today: date) -> dict[str, date]:
    """The days that customers are told: since when, and what is earliest when."""
    coming = rules.expected(facts, policy, today)
    days: dict[str, date] = {"due_on": facts.due_on or today}
    days["suspend_on"] = coming.get(Stage.SUSPENDED, today)
    days["suspended_on"] = facts.suspended_on or today
    days["disconnect_on"] = coming.get(Stage.DISCONNECTED) or rules.cut_on(facts, policy, today)
    return days


def _values(facts: Facts, judged: "Judged", today: date) -> dict[str, Said]:
    """As things are after the decision."""
    decision = judged.decision
    if judged.moves:
        told = () if decision.close else facts.told  # a new case has told nothing yet
        facts = rules.stepped(replace(facts, told=told), decision.stage, today)
    return {"amount": money.display(facts.owed_cents), **days_ahead(facts, judged.policy, today)}


def _reach(subject: Subject, ref: str) -> Reach:
    if ref == INBOX:
        return _INBOX
    if ref == POST:
        return Reach(POST, Channel.LETTER, subject.post)
    return next(each for each in subject.facts.contacts if each.ref == ref)


class _Contexts(dict[str, dict[str, str]]):
    """What an account is told, by language: said once, however many contacts it has."""

    def __init__(self, subject: Subject, values: dict[str, Said]) -> None:
        super().__init__()
        self.subject, self.told = subject, values

    def __missing__(self, language: str) -> dict[str, str]:
        said = {name: _said(value, language) for name, value in self.told.items()}
        known = {
            "account_tail": self.subject.number[-4:],
            "url": _url(),
            "help_line": str(settings.HELP_LINE),
        }
        self[language] = known | said
        return self[language]


def _written(subject: Subject, ref: str) -> str:
    """As the row of the case names it: a letter to a new address is another one than that to the old."""
    return f"{POST}:{subject.old_letters + 1}" if ref == POST and subject.old_letters else ref


def _fallbacks(code: str, subject: Subject, reach: Reach) -> tuple[Address, ...]:
    """Where else, when nothing proves in time that it arrived: there once more, then a contact on another channel.

    A letter is no fallback of a message but a notice of its own (see `rules`): one for the account.
    """
    kind = kinds.find(code)
    if kind is None or kind.fallback_after is None or reach.channel not in _RECEIPTED:
        return ()
    others = (each for each in subject.facts.contacts if each.member == reach.member)
    other = next((each for each in others if each.channel != reach.channel), None)
    ways = (reach, other) if other else (reach,)
    return tuple(Address(each.channel, each.address) for each in ways)


def _letter(code: str, said: _Contexts, reach: Reach, key: str, language: str) -> bulk_messages.Letter:
    context = said[language]
    if reach.member:
        context = {name: value for name, value in context.items() if name not in _OF_WHO_PAYS}
        context["account_tail"] = reach.member[-4:]
    return bulk_messages.Letter(
        recipient_ref=f"account:{reach.member or said.subject.number}",
        address=Address(reach.channel, reach.address),
        context=context,
        dedupe_key=key,
        language=language,
        fallbacks=_fallbacks(code, said.subject, reach),
    )


def _said(value: Said, language: str) -> str:
    if isinstance(value, date):
        return _day(value, language)
    if isinstance(value, str):
        return value
    with translation.override(language):
        return str(value)


@lru_cache(maxsize=2000)
def _day(value: date, language: str) -> str:
    with translation.override(language):
        return str(formats.date_format(value, "DATE_FORMAT"))


@lru_cache(maxsize=1)
def _url() -> str:
    return f"{settings.BASE_URL}{reverse('arrears:accounts')}"


def _languages(subjects: Iterable[Subject]) -> dict[str, str]:
    """The language of those who log in with these phones and read another one than the house's."""
    phones = [each.address for subject in subjects for each in subject.facts.contacts]
    with connection.cursor() as cursor:
        cursor.execute(_LANGUAGES, [arrays.texts(phones), settings.LANGUAGE_CODE])
        return dict(cursor.fetchall())


def _language(subject: Subject, reach: Reach, languages: dict[str, str]) -> str:
    """That of the contact; else of the first contact of the same people that has one of its own."""
    if not languages:
        return str(settings.LANGUAGE_CODE)
    if reach.channel == Channel.SMS:
        return languages.get(reach.address, settings.LANGUAGE_CODE)
    own = (each.address for each in subject.facts.contacts if each.member == reach.member)
    return next((languages[each] for each in own if each in languages), settings.LANGUAGE_CODE)


def _keep(rows: Sequence[tuple[int, int, str, str, int | None, str]], today: date, as_of: datetime) -> None:
    cases, rule_ids, stages, refs, contacts, keys = zip(*rows, strict=True)
    values = {
        "cases": arrays.ints(cases),
        "rules": arrays.ints(rule_ids),
        "stages": arrays.texts(stages),
        "refs": arrays.texts(refs),
        "contacts": arrays.ints(contacts),
        "keys": arrays.texts(keys),
    }
    with connection.cursor() as cursor:
        cursor.execute(_CASE_NOTICES, values | {"today": today, "at": as_of})
