"""Staff pages of articles: written, seen beforehand exactly as readers will, let go and withdrawn with a reason."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget

from content.admin.owners import WithOwner
from content.models import Article, ArticleHistory, ArticleState, ArticleVersion, Picture
from content.services import articles, pictures
from content.views.articles import show
from core import clock
from core.actor import Actor
from core.backoffice import EditableAdmin, ReadOnlyAdmin, ReadOnlyInline, ReasonForm, badge, moment
from core.errors import HallError
from core.reasoned import Reasoned

TONES = {
    str(ArticleState.DRAFT): "warn",
    str(ArticleState.SCHEDULED): "wait",
    str(ArticleState.PUBLISHED): "ok",
    str(ArticleState.WITHDRAWN): "bad",
}
PUBLISH = "content.publish_article"
A_MONTH = timedelta(days=30)


def _publish(article_id: Any, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    article = articles.publish(article_id=article_id, actor=actor, as_of=as_of, reason=reason)
    return _("已发布") if article.state == ArticleState.PUBLISHED else _("已排期，到生效时间自动显示")


def _withdraw(article_id: Any, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    articles.withdraw(article_id=article_id, actor=actor, as_of=as_of, reason=reason)
    return _("已撤下")


def _rewrite(article_id: Any, *, actor: Actor, reason: str, as_of: datetime) -> str | Promise:
    articles.rewrite(article_id=article_id, actor=actor, as_of=as_of, reason=reason)
    return _("已退回草稿")


class ArticleForm(ReasonForm):
    """An article; a picture may be sent along."""

    upload = forms.FileField(
        label=_("上传图片"),
        required=False,
        help_text=_("PNG、JPEG 或 WebP，最大 5 MB；会重新编码，去掉拍摄信息"),
        widget=UnfoldAdminFileFieldWidget,
    )

    class Meta:
        model = Article
        fields = (
            "slug", "kind", "section", "region", "owner", "active_from", "active_until", "title_zh", "title_en",
            "summary_zh", "summary_en", "body_zh", "body_en", "drawing", "picture",
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        file = cleaned.get("upload")
        if file:
            try:
                self.instance.picture = cleaned["picture"] = pictures.add(
                    file, actor=Actor.user(self.request_user), as_of=clock.now()
                )
            except HallError as error:
                self.add_error("upload", error.text)
        begins, ends = cleaned.get("active_from"), cleaned.get("active_until")
        if begins and ends and ends <= begins:
            self.add_error("active_until", _("失效时间必须晚于生效时间"))
        self._check_released(cleaned)
        return cleaned

    request_user: Any = None  # set by the page: forms know no request

    def _check_released(self, cleaned: dict[str, Any]) -> None:
        """What readers may see already keeps an owner and an end."""
        if self.instance.pk and self.instance.state != ArticleState.DRAFT:
            for name in ("owner", "active_until"):
                if not cleaned.get(name):
                    self.add_error(name, _("已发布的内容必须有负责人和失效时间"))


class VersionInline(ReadOnlyInline):
    model = ArticleVersion
    fields = ("number", "actor", "saved")
    readonly_fields = ("saved",)
    ordering = ("-number",)
    saved = moment("at", _("时间"))


class HistoryInline(ReadOnlyInline):
    model = ArticleHistory
    fields = ("from_state", "to_state", "actor", "reason", "changed")
    readonly_fields = ("changed",)
    ordering = ("-id",)
    changed = moment("at", _("时间"))


@admin.register(Article)
class ArticleAdmin(WithOwner, EditableAdmin):
    form = ArticleForm
    region_path = "region"
    list_display = ("title_zh", "kind", "section", "region_name", "shown_state", "begins", "ends", "owner")
    list_select_related = ("section", "region", "owner")
    list_filter = ("state", "kind")
    search_fields = ("slug", "title_zh")
    search_help_text = _("网址名或标题（完整）")
    ordering = ("-id",)
    inlines = (VersionInline, HistoryInline)
    fieldsets = (
        (
            None,
            {
                "fields": [
                    "slug",
                    "kind",
                    "section",
                    "region",
                    "owner",
                    "active_from",
                    "active_until",
                    "preview",
                ]
            },
        ),
        (_("中文"), {"fields": ["title_zh", "summary_zh", "body_zh"]}),
        (_("英文"), {"fields": ["title_en", "summary_en", "body_en"]}),
        (_("图片"), {"fields": ["drawing", "picture", "upload"]}),
    )
    shown_state = badge("state", _("状态"), TONES)
    begins = moment("active_from", _("生效时间"))
    ends = moment("active_until", _("失效时间"))
    reasoned = (
        Reasoned(
            name="publish",
            title=_("发布"),
            explanation=_("到生效时间起所有人可见，到失效时间那一秒从所有页面消失。"),
            permission=PUBLISH,
            applies=lambda article: article.state == ArticleState.DRAFT,
            carry_out=_publish,
            icon="publish",
        ),
        Reasoned(
            name="withdraw",
            title=_("撤下"),
            explanation=_("立即从所有页面、搜索和订阅中消失；文章和版本都保留。"),
            permission=PUBLISH,
            applies=lambda article: article.state in (ArticleState.SCHEDULED, ArticleState.PUBLISHED),
            carry_out=_withdraw,
            icon="unpublished",
        ),
        Reasoned(
            name="rewrite",
            title=_("退回草稿"),
            explanation=_("可以改写后重新发布。"),
            permission=PUBLISH,
            applies=lambda article: article.state == ArticleState.WITHDRAWN,
            carry_out=_rewrite,
            icon="edit",
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("preview", "slug") if obj else ("preview",)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.request_user = request.user  # type: ignore[attr-defined]  # the class is made for this request
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        now = clock.now()
        return {
            "active_from": now,
            "active_until": now + A_MONTH,
            **super().get_changeform_initial_data(request),
        }

    def save_model(self, request: HttpRequest, obj: Article, form: Any, change: bool) -> None:
        articles.write(obj, actor=Actor.user(request.user), as_of=clock.now())

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.preview_view)
        return [path("<int:pk>/preview/", view, name="content_article_preview"), *super().get_urls()]

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The page as readers will see it, whatever the article's state and time."""
        article = self.get_object(request, str(pk))
        if article is None or not self.has_view_permission(request, article):
            raise Http404
        response = show(request, article)
        response.headers["Cache-Control"] = "private, no-store"
        return response

    @admin.display(description=_("预览"))
    def preview(self, article: Article) -> str:
        if article.pk is None:
            return "—"
        address = reverse("admin:content_article_preview", args=[article.pk])
        return format_html('<a class="backoffice-link" href="{}">{}</a>', address, _("按公开页面的样子看"))

    @admin.display(description=_("区域"))
    def region_name(self, article: Article) -> str:
        return str(article.region.name if article.region else _("全部地区"))


@admin.register(Picture)
class PictureAdmin(ReadOnlyAdmin):
    region_path = None
    list_display = ("__str__", "width", "height", "added", "created_by")
    search_fields = ("digest",)
    search_help_text = _("指纹（完整）")
    ordering = ("-id",)
    fields = ("digest", "width", "height", "added", "created_by")
    added = moment("created_at", _("上传时间"))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("data")
