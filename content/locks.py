"""Every FOR UPDATE of this room."""

from content.models import Article, ContentTask, Section


def article(article_id: int) -> Article:
    """The article, locked, with its section."""
    return Article.objects.select_for_update(of=("self",)).select_related("section").get(pk=article_id)


def section(section_id: int) -> Section:
    return Section.objects.select_for_update().get(pk=section_id)


def open_tasks() -> list[ContentTask]:
    return list(ContentTask.objects.select_for_update().filter(done_at__isnull=True).order_by("pk"))
