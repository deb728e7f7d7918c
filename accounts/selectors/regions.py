"""Reads about places."""

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.errors import NotFound


class UnknownRegion(NotFound):
    code = "UNKNOWN_REGION"
    message = _("没有这个区域代码")


_BENEATH = """
    WITH RECURSIVE below(id) AS (
        SELECT id FROM accounts_region WHERE code = %s
        UNION SELECT region.id FROM accounts_region region JOIN below ON region.parent_id = below.id)
    SELECT id FROM below ORDER BY id"""


def beneath(code: str) -> list[int]:
    """The ids of the region with this code and of all that lie in it; raises UnknownRegion."""
    with connection.cursor() as cursor:
        cursor.execute(_BENEATH, [code])
        found = [int(row[0]) for row in cursor.fetchall()]
    if not found:
        raise UnknownRegion()
    return found


def only(code: str, path: str = "account__region_id") -> Q:
    """The condition for rows that lie in the region; "" is everywhere. Raises UnknownRegion."""
    return Q(**{f"{path}__in": beneath(code)}) if code else Q()
