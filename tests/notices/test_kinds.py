"""Every kind of notice has its texts, and every text its kind."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.conf import settings
from django.utils import translation

from accounts.rules import Action
from notices import kinds, rules, sms_text
from notices.kinds import ACCOUNT_TAIL, WAY_OUT, ConsentNeeded, Kind, Purpose, UnknownKind
from notices.models import Channel, Template
from tests.notices import build

LANGUAGES = [code for code, _name in settings.LANGUAGES]
ARREARS = [
    "bill_due_soon",
    "bill_overdue",
    "debt_overdue",
    "suspension_ahead",
    "suspension_tomorrow",
    "suspended",
    "restored",
    "held_back",
    "promise_made",
    "promise_broken",
    "disconnection_ahead",
    "disconnection_tomorrow",
    "disconnected",
    "debt_remains",
    "number_restored",
    "escalation_opened",
    "escalation_answered",
]
PAUSES = ["pause_begun", "pause_ending", "pause_ended"]
ALL = kinds.everything()


@pytest.fixture
def toy() -> Iterator[Kind]:
    """A kind that lives as long as the test."""
    kind = Kind(code="toy", title="toy", purpose=Purpose.MARKETING, variables=(ACCOUNT_TAIL, WAY_OUT))
    kinds.declare(kind)
    yield kind
    kinds.withdraw("toy")


@pytest.mark.django_db
def test_every_kind_has_its_texts_in_both_languages_on_each_of_its_channels() -> None:
    wanted = {(kind.code, str(each), lang) for kind in ALL for each in kind.channels for lang in LANGUAGES}
    assert wanted <= set(Template.objects.values_list("code", "channel", "language"))


@pytest.mark.django_db
def test_every_text_is_of_a_declared_kind_and_channel() -> None:
    declared = {(kind.code, str(each)) for kind in ALL for each in kind.channels}
    assert set(Template.objects.values_list("code", "channel")) <= declared


@pytest.mark.django_db
def test_texts_use_only_the_variables_of_their_kind_and_agree_about_secrets() -> None:
    for row in Template.objects.all():
        kind = kinds.get(row.code)
        assert rules.variables(row.title) | rules.variables(row.body) <= kind.names, row
        assert row.is_secret == kind.is_secret, row


@pytest.mark.django_db
def test_both_languages_say_the_same() -> None:
    """A variable that one language shows and the other hides is a fact that somebody is not told."""
    said: dict[tuple[str, str, int], set[frozenset[str]]] = {}
    for row in Template.objects.all():
        said.setdefault((row.code, row.channel, row.version), set()).add(rules.variables(row.body))
    assert [key for key, variables in said.items() if len(variables) > 1] == []


@pytest.mark.django_db
def test_everything_but_an_sms_has_a_title() -> None:
    assert list(Template.objects.exclude(channel=Channel.SMS).filter(title="")) == []


@pytest.mark.django_db
def test_no_text_of_ours_takes_more_than_four_parts() -> None:
    for row in Template.objects.filter(channel=Channel.SMS):
        with translation.override(row.language):
            text = rules.render(row.body, kinds.get(row.code).samples)
        assert sms_text.size(text).parts <= (2 if row.code in ARREARS and row.language == "zh-hans" else 4), (
            row
        )


def test_what_arrears_and_pauses_tell_is_declared() -> None:
    known = {kind.code: kind for kind in ALL}
    assert set(ARREARS + PAUSES) <= known.keys()
    for code in ARREARS:
        assert {Channel.SMS, Channel.EMAIL, Channel.INBOX} <= set(known[code].channels)
        assert {"account_tail", "url", "help_line"} <= known[code].names
        assert not known[code].is_marketing
    assert Channel.LETTER in known["disconnection_ahead"].channels


@pytest.mark.django_db
@pytest.mark.parametrize("code", ["suspension_ahead", "suspension_tomorrow", "disconnection_ahead"])
def test_a_warning_names_amount_day_way_out_and_where_to_ask(code: str) -> None:
    day = "disconnect_on" if code.startswith("disconnection") else "suspend_on"
    for row in Template.objects.filter(code=code):
        assert {"amount", day, "url", "help_line"} <= rules.variables(row.body), row


def test_only_what_a_reader_may_need_is_asked_of_him() -> None:
    assert {kind.right for kind in ALL} - {""} <= set(map(str, Action))


def test_codes_are_secret_and_go_first() -> None:
    for kind in ALL:
        if "code" in kind.names:
            assert (kind.is_secret, kind.is_urgent, kind.priority) == (True, True, 0), kind.code


def test_a_kind_is_declared_once(toy: Kind) -> None:
    with pytest.raises(ValueError, match="two kinds"):
        kinds.declare(replace(toy, purpose=Purpose.SERVICE))
    assert kinds.get("toy").is_marketing


def test_what_nobody_declares_is_unknown() -> None:
    assert kinds.find("nothing") is None
    with pytest.raises(UnknownKind):
        kinds.get("nothing")


def test_marketing_without_a_way_out_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="way out"):
        Kind(code="toy", title="toy", purpose=Purpose.MARKETING, variables=(ACCOUNT_TAIL,))


def test_a_variable_is_named_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        Kind(code="toy", title="toy", purpose=Purpose.SERVICE, variables=(ACCOUNT_TAIL, ACCOUNT_TAIL))


def test_marketing_needs_a_consent_and_nothing_else_does(toy: Kind) -> None:
    with pytest.raises(ConsentNeeded):
        kinds.permit("toy")
    kinds.permit("toy", "consent:1")
    for kind in ALL:
        if not kind.is_marketing:
            kinds.permit(kind.code)
    kinds.permit("of no kind that is known")


@pytest.mark.django_db
def test_what_is_marketing_says_how_to_be_rid_of_it() -> None:
    marketing = [kind for kind in ALL if kind.is_marketing]
    assert marketing
    for kind in marketing:
        for row in Template.objects.filter(code=kind.code):
            assert kinds.WAY_OUT_NAME in rules.variables(row.body), row


@pytest.mark.django_db
def test_a_message_of_the_tests_is_one_of_a_kind() -> None:
    assert kinds.get(build.send().code).names == set(build.PAID)
