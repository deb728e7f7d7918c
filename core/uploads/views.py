"""The one way to an uploaded file."""

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

from core.uploads import contents, files, kinds
from core.uploads.models import Upload


@login_required
@require_safe
def upload(request: HttpRequest, token: str) -> FileResponse:
    """The file, to whom it concerns: a picture on the page, a PDF only as a download. 404 for everybody else."""
    found = Upload.objects.filter(token=token).first()
    if found is None or not kinds.may_read(request.user, found):
        raise Http404
    try:
        file = files.location(found).open("rb")
    except FileNotFoundError:
        raise Http404 from None
    response = FileResponse(
        file,
        as_attachment=found.content_type != contents.JPEG,
        filename=found.name,
        content_type=found.content_type,
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "private, no-store"
    return response
