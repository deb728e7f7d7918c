from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

_MOST = 100


class Pages(CursorPagination):
    """Pages that stay right while rows are added: `next` and `previous` are addresses to follow, or null.

    The view says by what the list is ordered, in `ordering`; the order must be of one row only.
    """

    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = _MOST

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        found: tuple[str, ...] = view.ordering
        return found

    def get_page_size(self, request: Request) -> int:
        """Raises ValidationError for what is no number from 1 to 100."""
        asked = request.query_params.get("page_size")
        if asked is None:
            return self.page_size
        if not (asked.isascii() and asked.isdecimal() and 1 <= int(asked[:9]) <= _MOST):
            raise ValidationError({"page_size": [_("须为 1 到 %(most)s 的整数") % {"most": _MOST}]})
        return int(asked)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        cursor = {"name": "cursor", "in": "query", "required": False, "schema": {"type": "string"}}
        size = {"type": "integer", "minimum": 1, "maximum": _MOST, "default": 20}
        return [
            cursor | {"description": _("下一页的位置，取自上次回答的 next")},
            {"name": "page_size", "in": "query", "required": False, "schema": size},
        ]
