"""A file that somebody sent in. What is kept was made here from it, never the bytes that came."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.db import Fixed, Law, refuse


class KeepWhatIsUsed(Law):
    """Only a file that nothing refers to may go."""

    operation = pgtrigger.Delete

    def __init__(self, *, name: str) -> None:
        sentence = "a file that belongs to something is not deleted"
        super().__init__(
            name=name, func=f"IF OLD.subject = '' THEN RETURN OLD; END IF; {refuse(name, sentence)}"
        )


class UsedOnce(Law):
    """A file belongs to the first thing that it was given to."""

    operation = pgtrigger.UpdateOf("subject")  # type: ignore[no-untyped-call]

    def __init__(self, *, name: str) -> None:
        sentence = "a file stays with what it belongs to"
        same = "OLD.subject = '' OR NEW.subject = OLD.subject"
        super().__init__(name=name, func=f"IF {same} THEN RETURN NEW; END IF; {refuse(name, sentence)}")


class Upload(models.Model):
    """`token` names it in addresses; `kind` says which room it is for and who may read it; `subject` what of it."""

    token = models.CharField(_("编号"), max_length=43, unique=True)  # random, 256 bits
    kind = models.CharField(_("用途"), max_length=40)  # e.g. "bill.dispute"
    subject = models.CharField(
        _("所属单号"), max_length=40, blank=True, default=""
    )  # its public number; empty: not used yet, and gone after a day
    owner_ref = models.CharField(_("所有人"), max_length=80)  # Actor.ref of the customer whose file it is
    uploaded_by = models.CharField(_("上传人"), max_length=80)  # Actor.ref: staff when they serve him
    name = models.CharField(_("文件名"), max_length=120)  # as it was called there; never used as a path
    content_type = models.CharField(_("类型"), max_length=40)  # as found in the content
    path = models.CharField(max_length=120, unique=True)  # below MEDIA_ROOT/uploads, random
    size = models.PositiveIntegerField(_("大小（字节）"))  # of what is kept
    digest = models.CharField(_("摘要"), max_length=64)  # SHA-256 of what is kept
    scanner = models.CharField(_("病毒扫描"), max_length=20)  # which one let it pass; "off": none was asked
    created_at = models.DateTimeField(_("上传时间"))
    used_at = models.DateTimeField(_("使用时间"), null=True, blank=True)  # null while nothing refers to it

    class Meta:
        verbose_name = _("上传文件")
        verbose_name_plural = pgettext_lazy("plural", "上传文件")
        constraints = [
            models.CheckConstraint(
                condition=Q(subject="", used_at__isnull=True) | (~Q(subject="") & Q(used_at__isnull=False)),
                name="upload_used_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["kind", "subject"], name="upload_subject", condition=~Q(subject="")),
            models.Index(fields=["owner_ref", "-created_at"], name="upload_owner"),
            models.Index(fields=["created_at"], name="upload_unused", condition=Q(subject="")),
        ]
        triggers = [
            KeepWhatIsUsed(name="upload_kept_when_used"),
            UsedOnce(name="upload_used_once"),
            Fixed(
                name="upload_fixed",
                columns=(
                    "token",
                    "kind",
                    "owner_ref",
                    "uploaded_by",
                    "name",
                    "content_type",
                    "path",
                    "size",
                    "digest",
                    "scanner",
                    "created_at",
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.token
