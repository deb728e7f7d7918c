"""What everybody may read, without a token: articles, halls, the search."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import Region
from content import caching, rules, search
from content.api.serializers import (
    ArticleSerializer,
    FoundSerializer,
    HallSerializer,
    WholeArticleSerializer,
)
from content.models import Article, ArticleKind
from content.selectors import articles as article_reads
from content.selectors import halls as hall_reads
from core import clock

MOST = 200  # the newest: the rest is found by the search
KINDS = [str(kind) for kind in ArticleKind]

# "30.281,120.162", latitude first, or nothing: what rules.point reads.
_POINT: dict[str, Any] = {
    "type": "string",
    "pattern": r"^((-?([0-8]?[0-9](\.[0-9]{1,6})?|90)),(-?((1[0-7][0-9]|[0-9]{1,2})(\.[0-9]{1,6})?|180)))?$",
}


class Public(APIView):
    """Nobody has to say who he is; what is answered is the same for all."""

    permission_classes = (AllowAny,)
    authentication_classes = ()

    def keep(
        self, answer: Response, changes_at: datetime | None, as_of: datetime, *parts: object
    ) -> Response:
        etag = caching.stamp(
            self.request.get_full_path(), self.request.headers.get("Accept-Language"), *parts
        )
        answer.headers["ETag"] = etag
        answer.headers["Cache-Control"] = f"public, max-age={caching.seconds_until(changes_at, as_of)}"
        if self.request.headers.get("If-None-Match") == etag:
            return Response(status=304, headers=dict(answer.headers))
        return answer


class ArticlesView(Public):
    @extend_schema(
        operation_id="articles",
        summary=_("现在发布的文章，新的在前"),
        parameters=[OpenApiParameter("kind", str, enum=KINDS)],
        responses=ArticleSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """What is published now, newest first, at most 200."""
        now = clock.now()
        kind = request.query_params.get("kind", "")
        if kind and kind not in KINDS:
            raise exceptions.ValidationError({"kind": KINDS})
        found = list(article_reads.listed(as_of=now, kinds=[kind] if kind else KINDS)[:MOST])
        changes = Article.objects.all().changes_after(now)
        stamps = [(each.pk, each.version, each.changed_at) for each in found]
        return self.keep(Response(ArticleSerializer(found, many=True).data), changes, now, stamps)


class ArticleView(Public):
    @extend_schema(operation_id="article", summary=_("一篇文章的全文"), responses=WholeArticleSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """One article that is published now."""
        now = clock.now()
        found = article_reads.one(slug, as_of=now, kinds=KINDS)
        if found is None:
            raise exceptions.NotFound
        changes = Article.objects.filter(pk=found.pk).changes_after(now)
        stamp = (found.pk, found.version, found.changed_at)
        return self.keep(Response(WholeArticleSerializer(found).data), changes, now, stamp)


class HallsView(Public):
    @extend_schema(
        operation_id="halls",
        summary=_("营业厅、地址、现在是否营业；给出位置时近的在前"),
        parameters=[
            OpenApiParameter("place", str, description=_("区域代码：只要这个区域以内的")),
            OpenApiParameter("near", _POINT, description=_("纬度,经度（度，WGS 84），例如 30.281,120.162")),
        ],
        responses=HallSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """The halls, or those within a region, at most 200; the nearest first where `near` is given."""
        now = clock.now()
        code = request.query_params.get("place", "")
        place = Region.objects.filter(code=code).first() if code else None
        if code and place is None:
            raise exceptions.NotFound
        given = request.query_params.get("near", "")
        near = rules.point(given)
        if given and near is None:
            raise exceptions.ValidationError({"near": [_("请写成：纬度,经度")]})
        found = hall_reads.shown(hall_reads.listed(as_of=now, within=place)[:MOST], as_of=now)
        found = hall_reads.nearest(found, near) if near else found
        answer = Response(HallSerializer(found, many=True).data)
        answer.headers["Cache-Control"] = "no-cache"  # whether a hall is open changes by the minute
        return answer


class SearchView(Public):
    @extend_schema(
        operation_id="search",
        summary=_("搜索全部公开内容"),
        parameters=[OpenApiParameter("q", str)],
        responses=FoundSerializer,
    )
    def get(self, request: Request) -> Response:
        """What has every word of `q`, best first; where nothing has, what has some of them."""
        found = search.find(request.query_params.get("q", ""), as_of=clock.now(), limit=search.MOST_HITS)
        answer = Response(FoundSerializer(found).data)
        answer.headers["Cache-Control"] = "no-cache"
        return answer
