"""Pictures that staff put in: made anew from their pixels, so that nothing of the file as sent is kept."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.db import AppendOnly


class Picture(models.Model):
    """One picture, as WebP. The same pixels are the same row."""

    digest = models.CharField(_("指纹"), max_length=64, unique=True)  # SHA-256 of `data`, in its address
    width = models.PositiveIntegerField(_("宽（像素）"))
    height = models.PositiveIntegerField(_("高（像素）"))
    data = models.BinaryField(_("内容"))
    created_at = models.DateTimeField(_("上传时间"))
    created_by = models.CharField(_("上传人"), max_length=80)  # Actor.ref

    class Meta:
        verbose_name = _("图片")
        verbose_name_plural = pgettext_lazy("plural", "图片")
        triggers = [AppendOnly(name="picture_append_only")]

    def __str__(self) -> str:
        return f"{self.digest[:8]} {self.width}×{self.height}"
