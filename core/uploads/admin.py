from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from core.backoffice import ReadOnlyAdmin, WhenFilter, moment
from core.uploads.models import Upload


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    """That there is a file, whose, and what for; what is in it is shown with what it belongs to."""

    region_path = None
    list_display = ("id", "kind", "subject", "content_type", "size", "scanner", "created", "used")
    list_filter = ("scanner", ("created_at", WhenFilter))
    search_fields = ("subject", "owner_ref")
    search_help_text = _("所属单号或所有人（完整）")
    ordering = ("-id",)
    fields = (
        "kind",
        "subject",
        "owner_ref",
        "uploaded_by",
        "name",
        "content_type",
        "size",
        "digest",
        "scanner",
        "created",
        "used",
    )
    created = moment("created_at", _("上传时间"))
    used = moment("used_at", _("使用时间"))
