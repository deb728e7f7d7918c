"""Articles: news, notices, help, banners. Who answers for each, and from when until when it is shown."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Min, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Region
from content.models.pictures import Picture
from content.models.sections import Section
from content.models.translated import language_of, pick
from core.db import AppendOnly, Fixed, NeverDelete, StartsAt, Transitions
from core.statemachine import Machine


class ArticleKind(models.TextChoices):
    NEWS = "NEWS", _("新闻")
    NOTICE = "NOTICE", _("公告")
    HELP = "HELP", _("帮助")
    PROMO = "PROMO", _("活动")  # the banner of the front page


class ArticleState(models.TextChoices):
    DRAFT = "DRAFT", _("草稿")
    SCHEDULED = "SCHEDULED", _("待发布")  # let go, its time has not come
    PUBLISHED = "PUBLISHED", _("已发布")
    WITHDRAWN = "WITHDRAWN", _("已撤下")


_A = ArticleState
ARTICLE_MACHINE = Machine(
    name="article",
    initial=_A.DRAFT,
    transitions={
        _A.DRAFT: frozenset({_A.SCHEDULED, _A.PUBLISHED}),
        _A.SCHEDULED: frozenset({_A.PUBLISHED, _A.WITHDRAWN}),
        _A.PUBLISHED: frozenset({_A.WITHDRAWN}),
        _A.WITHDRAWN: frozenset({_A.DRAFT}),  # to be written anew, and published anew
    },
)
# Its own times alone decide what of these is shown: a clock that stands still on the job's side hides nothing.
RELEASED = (_A.SCHEDULED, _A.PUBLISHED)
DRAWINGS = (
    ("hall", _("营业厅")),
    ("pay", _("缴费")),
    ("tv", _("电视")),
    ("network", _("宽带")),
    ("notice", _("公告")),
    ("family", _("家庭")),
)


class ArticleQuerySet(models.QuerySet["Article"]):
    def shown(self, as_of: datetime) -> Self:
        """What everybody may read at that instant: released, in its time, and in a section that is shown."""
        return self.filter(
            state__in=RELEASED,
            active_from__lte=as_of,
            active_until__gt=as_of,
            section__active_from__lte=as_of,
            section__active_until__gt=as_of,
        )

    def changes_after(self, as_of: datetime) -> datetime | None:
        """When the next of these appears or disappears by itself; None: never."""
        later = self.filter(state__in=RELEASED).aggregate(
            begins=Min("active_from", filter=Q(active_from__gt=as_of)),
            ends=Min("active_until", filter=Q(active_until__gt=as_of)),
            section_begins=Min("section__active_from", filter=Q(section__active_from__gt=as_of)),
            section_ends=Min("section__active_until", filter=Q(section__active_until__gt=as_of)),
        )
        return min((at for at in later.values() if at is not None), default=None)


class Article(models.Model):
    """One text in both languages. Every text that was ever saved is kept as a version."""

    slug = models.SlugField(_("网址名"), max_length=80, unique=True)  # in its address: never changes
    kind = models.CharField(_("类型"), max_length=8, choices=ArticleKind.choices)
    section = models.ForeignKey(
        Section, verbose_name=_("栏目"), on_delete=models.PROTECT, related_name="articles"
    )
    title_zh = models.CharField(_("标题（中文）"), max_length=120)
    title_en = models.CharField(_("标题（英文）"), max_length=160, blank=True, default="")
    summary_zh = models.CharField(_("摘要（中文）"), max_length=300, blank=True, default="")
    summary_en = models.CharField(_("摘要（英文）"), max_length=400, blank=True, default="")
    body_zh = models.TextField(_("正文（中文，Markdown）"), blank=True, default="", max_length=40_000)
    body_en = models.TextField(_("正文（英文，Markdown）"), blank=True, default="", max_length=40_000)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("负责人"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )  # null only while it is a draft
    region = models.ForeignKey(
        Region, verbose_name=_("区域"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )  # null: everywhere
    active_from = models.DateTimeField(_("生效时间"))
    active_until = models.DateTimeField(
        _("失效时间"), null=True, blank=True
    )  # the first instant without it; null only while it is a draft
    drawing = models.CharField(
        _("插图"), max_length=20, choices=DRAWINGS, blank=True, default=""
    )  # one of the hall's own; empty: none
    picture = models.ForeignKey(
        Picture,
        verbose_name=_("图片"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="articles",
    )  # null: none, the drawing is shown
    state = models.CharField(_("状态"), max_length=10, choices=_A.choices, default=_A.DRAFT)
    version = models.PositiveIntegerField(_("版本"), default=0)  # of its text, counted from 1
    created_at = models.DateTimeField(_("建立时间"))
    changed_at = models.DateTimeField(_("修改时间"))  # of text, times or state

    objects = ArticleQuerySet.as_manager()

    class Meta:
        verbose_name = _("文章")
        verbose_name_plural = pgettext_lazy("plural", "文章")
        permissions = [("publish_article", _("发布和撤下文章"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(active_until__isnull=True) | Q(active_until__gt=F("active_from")),
                name="article_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(state="DRAFT") | Q(owner__isnull=False), name="article_published_has_an_owner"
            ),
            models.CheckConstraint(
                condition=Q(state="DRAFT") | Q(active_until__isnull=False),
                name="article_published_has_an_end",
            ),
        ]
        indexes = [
            models.Index(
                fields=["kind", "-active_from", "-id"],
                name="article_released",
                condition=Q(state__in=["SCHEDULED", "PUBLISHED"]),
            )
        ]
        triggers = [
            NeverDelete(name="article_never_deleted"),
            StartsAt(name="article_starts_as_draft", machine=ARTICLE_MACHINE),
            Transitions(name="article_transitions", machine=ARTICLE_MACHINE),
            Fixed(name="article_fixed", columns=("slug", "created_at")),
        ]

    def __str__(self) -> str:
        return self.title_zh

    @property
    def title(self) -> str:
        return pick(self, "title")

    @property
    def summary(self) -> str:
        return pick(self, "summary")

    @property
    def body(self) -> str:
        return pick(self, "body")

    @property
    def language(self) -> str:
        """The language of the title as it is shown."""
        return language_of(self, "title")

    @property
    def body_language(self) -> str:
        return language_of(self, "body")

    def shown_at(self, as_of: datetime) -> bool:
        """By its own row; whether its section is shown is not looked at."""
        ends = self.active_until
        return self.state in RELEASED and self.active_from <= as_of and ends is not None and as_of < ends


class ArticleVersion(models.Model):
    """A text as it was saved, by whom."""

    article = models.ForeignKey(
        Article, verbose_name=_("文章"), on_delete=models.PROTECT, related_name="versions"
    )
    number = models.PositiveIntegerField(_("版本"))
    content = models.JSONField(_("内容"))  # every column that readers see, by name
    actor = models.CharField(_("操作人"), max_length=80)
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("文章版本")
        verbose_name_plural = pgettext_lazy("plural", "文章版本")
        constraints = [models.UniqueConstraint(fields=["article", "number"], name="article_version_once")]
        triggers = [AppendOnly(name="article_version_append_only")]

    def __str__(self) -> str:
        return f"{self.article_id} v{self.number}"


class ArticleHistory(models.Model):
    """Each change of an article's state."""

    article = models.ForeignKey(
        Article, verbose_name=_("文章"), on_delete=models.PROTECT, related_name="history"
    )
    from_state = models.CharField(_("原状态"), max_length=10, blank=True)
    to_state = models.CharField(_("新状态"), max_length=10)
    actor = models.CharField(_("操作人"), max_length=80)
    reason = models.CharField(_("原因"), max_length=300, blank=True, default="")
    at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("文章状态记录")
        verbose_name_plural = _("文章状态记录")
        indexes = [models.Index(fields=["article", "at"], name="article_history_at")]
        triggers = [AppendOnly(name="article_history_append_only")]

    def __str__(self) -> str:
        return f"{self.article_id} {self.to_state}"
