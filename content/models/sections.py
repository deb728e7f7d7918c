"""The parts of the front door, each with somebody who looks after it; and the tasks of who does not."""

from typing import Self

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from content.models.translated import pick
from core.db import Fixed, NeverDelete


class SectionQuerySet(models.QuerySet["Section"]):
    def shown(self, as_of: object) -> Self:
        return self.filter(active_from__lte=as_of, active_until__gt=as_of)


class Section(models.Model):
    """A part of the front door (news, notices, help …). Its articles are shown only while it is."""

    code = models.SlugField(_("栏目代码"), max_length=40, unique=True)
    title_zh = models.CharField(_("标题（中文）"), max_length=60)
    title_en = models.CharField(_("标题（英文）"), max_length=60, blank=True, default="")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("负责人"), on_delete=models.PROTECT, related_name="+"
    )
    unchanged_days = models.PositiveSmallIntegerField(
        _("多少天未更新要提醒"), default=30, validators=[MinValueValidator(1)]
    )  # from so many days on without anything new its owner gets a task
    order = models.PositiveSmallIntegerField(_("顺序"), default=100)  # smaller comes first
    active_from = models.DateTimeField(_("生效时间"))
    active_until = models.DateTimeField(_("失效时间"))  # the first instant without it
    created_at = models.DateTimeField(_("建立时间"))

    objects = SectionQuerySet.as_manager()

    class Meta:
        verbose_name = _("栏目")
        verbose_name_plural = pgettext_lazy("plural", "栏目")
        constraints = [
            models.CheckConstraint(
                condition=Q(active_until__gt=F("active_from")), name="section_ends_after_it_begins"
            ),
            models.CheckConstraint(condition=Q(unchanged_days__gte=1), name="section_unchanged_days"),
        ]
        triggers = [
            NeverDelete(name="section_never_deleted"),
            Fixed(name="section_fixed", columns=("code", "created_at")),
        ]

    def __str__(self) -> str:
        return self.title_zh

    @property
    def title(self) -> str:
        return pick(self, "title")


class ContentTask(models.Model):
    """A section in which nothing new has come for too long: its owner shall look after it. One open row at a time."""

    section = models.ForeignKey(
        Section, verbose_name=_("栏目"), on_delete=models.PROTECT, related_name="tasks"
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("负责人"), on_delete=models.PROTECT, related_name="+"
    )  # of the section when the task was made
    unchanged_since = models.DateTimeField(_("上次更新"))
    found_at = models.DateTimeField(_("发现时间"))
    done_at = models.DateTimeField(_("完成时间"), null=True, blank=True)  # null: nothing new yet

    class Meta:
        verbose_name = _("内容任务")
        verbose_name_plural = pgettext_lazy("plural", "内容任务")
        constraints = [
            models.UniqueConstraint(
                fields=["section"], condition=Q(done_at__isnull=True), name="content_task_open_once"
            )
        ]
        triggers = [
            NeverDelete(name="content_task_never_deleted"),
            Fixed(
                name="content_task_fixed", columns=("section_id", "owner_id", "unchanged_since", "found_at")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.section_id} {self.found_at:%Y-%m-%d}"
