"""What a new hall begins with: sections, and help in both languages. Texts lie beside this file as Markdown.

help/NN-SLUG.SECTION.LANGUAGE.md: a title (#), a summary, and the text. What is there already is left alone, so that
staff may change or withdraw any of it.
"""

import tomllib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction

from content.models import Article, ArticleKind, Section
from content.services import articles, sections
from core.actor import Actor

FOLDER = Path(__file__).parent
ACTOR = Actor.command("content_seeds")
VALID = timedelta(days=365)  # then somebody must look at each of them again


@transaction.atomic
def install(*, owner_id: int, as_of: datetime) -> dict[str, int]:
    """Puts in the sections and help articles that are missing, owned by that user; how many are new."""
    found = {section.code: section for section in Section.objects.all()}
    new = {"sections": 0, "articles": 0}
    for code, given in tomllib.loads((FOLDER / "sections.toml").read_text(encoding="utf-8")).items():
        if code not in found:
            found[code] = _section(code, given, owner_id, as_of)
            new["sections"] += 1
    known = set(Article.objects.values_list("slug", flat=True))
    for slug, (section, columns) in helps().items():
        if slug not in known:
            _help(slug, found[section], columns, owner_id, as_of)
            new["articles"] += 1
    return new


def _section(code: str, given: dict[str, Any], owner_id: int, as_of: datetime) -> Section:
    section = Section(
        code=code, owner_id=owner_id, active_from=as_of, active_until=as_of + 10 * VALID, **given
    )
    return sections.write(section, actor=ACTOR, as_of=as_of)


def _help(slug: str, section: Section, columns: dict[str, str], owner_id: int, as_of: datetime) -> None:
    article = Article(
        slug=slug,
        kind=ArticleKind.HELP,
        section=section,
        owner_id=owner_id,
        active_from=as_of,
        active_until=as_of + VALID,
        **columns,
    )
    articles.write(article, actor=ACTOR, as_of=as_of)
    articles.publish(article_id=article.pk, actor=ACTOR, as_of=as_of)


def helps() -> dict[str, tuple[str, dict[str, str]]]:
    """slug → its section and its columns, in the order in which they are shown."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for path in sorted((FOLDER / "help").glob("*.md")):
        name, section, language = path.stem.split(".")
        slug = name.partition("-")[2]
        found.setdefault(slug, (section, {}))[1].update(texts(path, language))
    return found


def texts(path: Path, language: str) -> dict[str, str]:
    """The columns of an article that a file of this form fills: title, summary and body in that language."""
    title, summary, body = path.read_text(encoding="utf-8").split("\n\n", 2)
    columns = {"title": title.removeprefix("# "), "summary": summary, "body": body.strip()}
    return {f"{name}_{language}": text for name, text in columns.items()}
