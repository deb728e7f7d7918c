from django import template

from core.uploads import files
from core.uploads.models import Upload

register = template.Library()


@register.simple_tag
def files_of(kind: str, subject: str) -> list[Upload]:
    """The files that belong to it."""
    return list(files.of(kind, subject))
