"""Choosing a number, as JSON: the same search, holds and refusals as on the pages."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from core.actor import Actor
from core.errors import NotFound
from operations.api import scopes
from operations.api.views import HallApiView
from operations.models import Channel
from resources.api import serializers as shapes
from resources.forms import ENDINGS, FindForm
from resources.operations import HOLD, holder
from resources.selectors import numbers as reads
from resources.services import numbers, searches
from resources.views import MOST_SHOWN

_DIGITS: dict[str, Any] = {"type": "string", "pattern": "^[0-9]{0,8}$"}
_CODE = {"type": "string", "pattern": "^[A-Za-z0-9_-]{0,20}$"}
_SHAPES: dict[str, Any] = {
    "ends_with": _DIGITS,
    "anywhere": _DIGITS,
    "pattern": {"type": "string", "enum": ["", *(name for name, _title in ENDINGS)]},
    "region": _CODE,
    "number_class": _CODE,
    "most": {"type": "string", "pattern": r"^([0-9]{1,6}(\.[0-9]{1,2})?)?$"},
    "no_four": str,  # whatever is ticked
}
_PARAMETERS = [OpenApiParameter(name, _SHAPES[name]) for name in FindForm.base_fields]
_PLACES = {"region", "number_class"}  # codes: one that there is not is not found


class NumbersView(HallApiView):
    scope = scopes.ANY

    @extend_schema(
        operation_id="numbers_list",
        summary=_("可选号码，最多 40 个，便宜的在前"),
        parameters=_PARAMETERS,
        responses=shapes.NumberSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        form, now = FindForm(request.query_params.dict()), clock.now()
        if not form.is_valid():
            if form.errors.keys() <= _PLACES:
                raise NotFound()
            raise exceptions.ValidationError(
                {name: [str(each) for each in told] for name, told in form.errors.items()}
            )
        wish = form.wish()
        found = list(reads.find(wish, as_of=now)[:MOST_SHOWN])
        searches.note(wish, channel=Channel.API, is_found=bool(found), as_of=now)
        return Response(shapes.NumberSerializer(found, many=True).data)


class HoldsView(HallApiView):
    scope = scopes.READ

    @extend_schema(
        operation_id="number_holds_list",
        summary=_("我预占的号码"),
        responses=shapes.HoldSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        rows = reads.holds_of(holder(request.user), as_of=clock.now())
        return Response(shapes.HoldSerializer(rows, many=True).data)


class HoldView(HallApiView):
    scope = scopes.OPERATE + HOLD  # taking one goes through the operation itself

    @extend_schema(
        operation_id="number_hold_extend",
        summary=_("延长预占"),
        request=None,
        responses={200: shapes.HoldSerializer},
    )
    def post(self, request: Request, digits: str) -> Response:
        return Response(shapes.HoldSerializer(numbers.extend(digits=digits, **self._who(request))).data)

    @extend_schema(operation_id="number_hold_release", summary=_("放弃预占"), responses={204: None})
    def delete(self, request: Request, digits: str) -> Response:
        numbers.release(digits=digits, **self._who(request))
        return Response(status=204)

    def _who(self, request: Request) -> dict[str, Any]:
        return {
            "holder": holder(request.user),
            "actor": Actor.user(request.user),
            "as_of": clock.now(),
        }
