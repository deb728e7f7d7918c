"""Files in the forms of operations: kept when they arrive, carried from step to step by their token."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from core.errors import HallError, NotFound
from core.uploads import contents, files, scanners
from core.uploads.models import Upload
from operations.context import Context
from operations.registry import Operation

_REFUSALS: dict[str, type[HallError]] = {
    each.code: each
    for each in (
        contents.WrongKindOfFile,
        contents.FileTooBig,
        contents.FileBroken,
        contents.FileActs,
        scanners.Infected,
        scanners.ScannerAway,
        files.TooManyUploads,
    )
}


class AttachmentInput(forms.FileInput):
    """Chooses a file; one that is here already travels as its token."""

    needs_multipart_form = True

    def value_from_datadict(self, data: Any, uploads: Any, name: str) -> Any:
        return data.get(name)

    def value_omitted_from_data(self, data: Any, uploads: Any, name: str) -> bool:
        return name not in data

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chooser = super().render(name, None, attrs, renderer)
        if not value or str(value).startswith("!"):
            return chooser
        kept = format_html('<input type="hidden" name="{}" value="{}">', name, value)
        return format_html("{}{} <span>{}</span>", kept, chooser, _("文件已上传；再选一个会替换它"))


class AttachmentField(forms.CharField):
    """Gives an Upload of this kind that waits to be used, or None."""

    widget = AttachmentInput

    def __init__(self, *, kind: str, **kwargs: Any) -> None:
        self.kind, self.ctx = kind, None  # the form sets `ctx`
        super().__init__(required=False, max_length=60, **kwargs)
        self.widget.attrs["accept"] = (
            "image/jpeg,image/png,image/webp,application/pdf,video/mp4,video/quicktime"
        )

    ctx: Context | None

    def clean(self, value: Any) -> Upload | None:
        token = super().clean(value)
        if not token:
            return None
        if refusal := _REFUSALS.get(token.removeprefix("!")):
            raise ValidationError(refusal().text, code=refusal.code)
        assert self.ctx is not None
        try:
            return files.unused(token=token, kind=self.kind, owner_ref=owner_of(self.ctx))
        except NotFound:
            raise ValidationError(_("文件不在了，请重新上传"), code="FILE_GONE") from None


def received(request: HttpRequest, operation: Operation, ctx: Context) -> dict[str, str]:
    """The tokens of the files in this request, by field; what is for no field of the operation is left alone."""
    found: dict[str, str] | None = getattr(request, "hall_received", None)
    if found is None:
        fields = operation.form_class.base_fields
        found = {
            name: _receive(field, file, ctx)
            for name, file in request.FILES.items()
            if isinstance(file, UploadedFile) and isinstance(field := fields.get(name), AttachmentField)
        }
        request.hall_received = found  # type: ignore[attr-defined]  # ours: a step may ask twice
    return found


def _receive(field: AttachmentField, file: UploadedFile[bytes], ctx: Context) -> str:
    """The token of the file that has just come; or "!" and the code of why it was refused, for the field to say."""
    try:
        kept = files.keep(
            kind=field.kind,
            name=file.name or "",
            chunks=file.chunks(),
            owner_ref=owner_of(ctx),
            actor=ctx.actor,
            as_of=ctx.as_of,
        )
    except HallError as error:
        return f"!{error.code}"
    return kept.token


def owner_of(ctx: Context) -> str:
    """The customer's, whoever sends it for him."""
    return f"user:{ctx.served.pk}"
