"""Everything the hall says is said in both its languages."""

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings

from notices import rules
from notices.models import Template
from tests.architecture import messages
from tests.architecture.sources import ROOT, tree

ENGLISH = ROOT / "locale" / "en" / "LC_MESSAGES" / "django.po"
CATALOGUES = sorted((ROOT / "locale").rglob("*.po"))
AGAIN = "run script/messages, and write what it leaves empty"
# Chinese that is not meant for the reader's language, by file or folder.
CHINESE_AS_IT_IS = {
    "accounts/management/commands/import_accounts.py": "names the thing beside its English word",
    "billing/management/commands/collect_debits.py": "names the thing beside its English word",
    "billing/management/commands/import_bills.py": "names the thing beside its English word",
    "billing/management/commands/import_receipts.py": "names the thing beside its English word",
    "billing/management/commands/warn_large_bills.py": "names the thing beside its English word",
    "billing/statements/": "the columns and words of channels' files",
    "billing/services/bulk/bulk_bills.py": "the line of a bill whose file has no lines: data, as bill lines are",
    "billing/services/fixtures.py": "data for benchmarks",
    "content/words.py": "the signs that Chinese is written with",
    "core/imports/cells.py": "what is read",
    "core/logs.py": "what is masked",
    "core/management/commands/state_machines.py": "a document's heading",
    "hall/demo/": "data",
    "hall/settings/base.py": "a language's own name",
    "notices/seeds.py": "texts in both languages, side by side",
    "notices/seed_arrears.py": "texts in both languages, side by side",
    "notices/seed_channels.py": "texts in both languages, side by side",
    "notices/seed_families.py": "texts in both languages, side by side",
    "notices/seed_mails.py": "texts in both languages, side by side",
    "notices/seed_orders.py": "texts in both languages, side by side",
    "notices/seed_people.py": "texts in both languages, side by side",
    "notices/seed_serving.py": "texts in both languages, side by side",
    "notices/seed_terms.py": "texts in both languages, side by side",
    "templates/hall/offline.html": "both languages on one page, since nobody can be asked without a network",
    "templates/styleguide.html": "for developers",
}


# Signs that only Chinese is written with; where a file has them for another reason than to be read.
SIGNS = re.compile("[，。；：？！（）、《》【】「」]")
SIGNS_AS_THEY_ARE = {
    "catalog/offers/admin/forms.py": "what is read",
    "catalog/offers/services/bulk_prices.py": "names of offers from a Chinese list: data",
}
_SAID = (
    re.compile(r"\{#.*?#\}|\{%\s*comment\b.*?endcomment\s*%\}", re.DOTALL),
    re.compile(r"\{%\s*blocktrans(?:late)?\b.*?endblocktrans(?:late)?\s*%\}", re.DOTALL),
    re.compile(r"\{%\s*trans(?:late)?\s.*?%\}"),
)


def by_name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_catalogue_holds_what_code_and_templates_say() -> None:
    used = messages.used()
    known = messages.catalogue(ENGLISH)
    assert {key: used[key] for key in used.keys() - known.keys()} == {}, AGAIN
    assert known.keys() - used.keys() == set(), AGAIN


def test_everything_has_an_english_translation() -> None:
    entries = messages.catalogue(ENGLISH).values()
    assert [entry.key for entry in entries if not all(entry.translations)] == [], AGAIN
    assert all(len(entry.translations) == (2 if entry.key[2] else 1) for entry in entries)


def test_english_is_not_chinese() -> None:
    entries = messages.catalogue(ENGLISH).values()
    foreign = "，。；：？！（）、《》【】"
    assert [
        text
        for entry in entries
        for text in entry.translations
        if messages.CHINESE.search(text) or any(sign in text for sign in foreign)
    ] == []


def test_translations_fill_in_the_same_things() -> None:
    wrong = [
        (entry.key, text)
        for path in CATALOGUES
        for entry in messages.catalogue(path).values()
        for text in entry.translations
        if text and messages.placeholders(text) != messages.placeholders(entry.key[1])
    ]
    assert wrong == []


@pytest.mark.parametrize("path", CATALOGUES, ids=by_name)
def test_nothing_is_a_guess_of_the_tools(path: Path) -> None:
    assert [entry.key for entry in messages.catalogue(path).values() if entry.is_fuzzy] == []


@pytest.mark.parametrize("path", CATALOGUES, ids=by_name)
def test_what_is_compiled_is_what_is_written(path: Path) -> None:
    written = [
        messages.expected(entry) for entry in messages.catalogue(path).values() if any(entry.translations)
    ]
    assert messages.compiled(path.with_suffix(".mo")) == dict(written), "run script/messages compile"


def test_no_chinese_in_code_goes_untranslated() -> None:
    found = [
        f"{by_name(path)}:{node.lineno}: {node.value!r}"
        for path in messages.python_files()
        if not by_name(path).startswith(tuple(CHINESE_AS_IT_IS))
        for node in messages.literals(tree(path))
        if messages.CHINESE.search(str(node.value))
    ]
    assert found == []


def test_no_chinese_in_templates_goes_untranslated() -> None:
    found = {
        by_name(path): said
        for path in messages.templates()
        if by_name(path) not in CHINESE_AS_IT_IS
        if (said := messages.CHINESE.findall(messages.spoken_plainly(path.read_text(encoding="utf-8"))))
    }
    assert found == {}


def test_no_chinese_sign_is_written_outside_a_translated_sentence() -> None:
    """Between two translated words as well: an English page would show it."""
    found = {}
    for path in messages.templates():
        text = path.read_text(encoding="utf-8")
        for said in _SAID:
            text = said.sub("", text)
        if by_name(path) not in CHINESE_AS_IT_IS and SIGNS.search(text):
            found[by_name(path)] = SIGNS.findall(text)
    as_it_is = tuple({**CHINESE_AS_IT_IS, **SIGNS_AS_THEY_ARE})
    for path in messages.python_files():
        if not by_name(path).startswith(as_it_is):
            signs = [n.value for n in messages.literals(tree(path)) if SIGNS.search(str(n.value))]
            found |= {by_name(path): signs} if signs else {}
    assert found == {}


def test_translating_functions_keep_names_that_the_tools_know() -> None:
    """Under another name than `_` or their own, xgettext does not see what they translate."""
    wrong = [
        f"{by_name(path)}: {alias.name} as {alias.asname}"
        for path in messages.python_files()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if alias.name in messages.FUNCTIONS and alias.asname not in (None, "_")
    ]
    assert wrong == []


@pytest.mark.django_db
def test_each_text_message_is_there_in_every_language_with_the_same_variables() -> None:
    languages = {code for code, _name in settings.LANGUAGES}
    texts: dict[tuple[str, str], dict[str, frozenset[str]]] = {}
    for row in Template.objects.all():
        texts.setdefault((row.code, row.channel), {})[row.language] = rules.variables(row.title + row.body)
    assert texts
    for name, said in texts.items():
        assert said.keys() == languages, name
        assert len(set(said.values())) == 1, name


# The reading itself: what the tests above rest on.


def test_texts_are_found_however_they_are_asked_for() -> None:
    source = """
_("一"); gettext("二"); t.ngettext("三", "三", n); pgettext_lazy("c", "四"); npgettext("c", "五", "五", n)
plain("六"); "七"
"""
    module = ast.parse(source)
    found = [("", "一", ""), ("", "二", ""), ("", "三", "三"), ("c", "四", ""), ("c", "五", "五")]
    assert list(messages.in_python(module)) == found
    assert [node.value for node in messages.literals(module)] == ["六"]


def test_texts_of_templates_are_found() -> None:
    source = """{% load i18n %}{# 零 #}{% comment %}零{% endcomment %}{% trans "一" %}{% trans '二' context "c" as x %}
{% blocktrans with a=b %}三 {{ a }}{% endblocktrans %}
{% blocktrans count n=m %}{{ n }} 四{% plural %}{{ n }} 四{% endblocktrans %}
{{ x|default:_("五") }}{% include "a.html" with b=_("六") %}七<p title="八">"""
    assert list(messages.in_template(source)) == [
        ("", "一", ""),
        ("c", "二", ""),
        ("", "三 %(a)s", ""),
        ("", "%(n)s 四", "%(n)s 四"),
        ("", "五", ""),
        ("", "六", ""),
    ]
    assert messages.CHINESE.findall(messages.spoken_plainly(source)) == ["七", "八"]
