"""How the reader's accounts stand in arrears, as JSON: only his own; anything else is 404. What can be done is in the
operations."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Membership
from arrears.api import serializers as shapes
from arrears.selectors import outlook as reads
from arrears.selectors import timeline
from billing.selectors import interface
from core import clock
from core.errors import NotFound
from operations.api import scopes
from operations.api.paging import Pages
from operations.api.views import HallApiView


@extend_schema_view(
    get=extend_schema(
        operation_id="arrears_list",
        summary=_("我的户号欠不欠费、停没停机、接下来会怎样"),
        responses=shapes.OutlookSerializer(many=True),
    )
)
class AccountsView(HallApiView, ListAPIView[Membership]):
    serializer_class = shapes.OutlookSerializer  # type: ignore[assignment]  # a page of memberships becomes outlooks
    pagination_class = Pages
    ordering = ("account__number",)
    scope = scopes.READ

    def get_queryset(self) -> "QuerySet[Membership]":
        return interface.accounts(self.request.user)

    def paginate_queryset(self, queryset: Any) -> Any:
        rows = super().paginate_queryset(queryset) or []
        found = reads.of({row.account_id: row.role for row in rows}, as_of=clock.now())
        return sorted(found, key=lambda each: each.number)


class AccountView(HallApiView):
    scope = scopes.READ

    @extend_schema(
        operation_id="arrears_read",
        summary=_("一个户号的欠费：经过、通知是否送达、接下来的日子"),
        responses=shapes.WholeOutlookSerializer,
    )
    def get(self, request: Request, number: str) -> Response:
        found = reads.one(request.user, number, as_of=clock.now())
        if found is None:
            raise NotFound()
        cases = list(timeline.cases(found.subject.account_id)[:10])
        whole = {
            "outlook": found,
            "bills": timeline.counting(found.subject.account_id),
            "events": timeline.events(cases[0]) if cases else [],
            "cases": cases,
        }
        return Response(shapes.WholeOutlookSerializer(whole).data)
