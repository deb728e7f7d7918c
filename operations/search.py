"""What the search knows of business operations: each by its title and what it is for."""

from django.urls import reverse

from content import search
from content.search import Entry
from operations import registry


def register() -> None:
    search.source("operation", entries)


def entries() -> list[Entry]:
    """All operations; who may use one is asked when it is opened."""
    return [
        Entry(
            kind="operation",
            key=operation.code,
            title=operation.title,
            text=operation.summary,
            url=reverse(operation.page_url_name)
            if operation.page_url_name
            else reverse("operations:form", args=[operation.code]),
            boost=130,
        )
        for operation in registry.everything()
    ]
