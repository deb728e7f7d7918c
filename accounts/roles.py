"""How roles are called: those that come with the hall in the reader's language, an operator's own as he named them."""

from django.contrib.auth.models import Group
from django.utils.translation import gettext


def shown(role: Group) -> str:
    return gettext(role.name) if role.name else ""
