"""The decision of an authority in writing, as it comes with the request for leave from a rule."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> None:
    """Where files are kept, as long as the test lasts."""
    settings.MEDIA_ROOT, settings.UPLOAD_SCANNER = str(tmp_path), "off"


def signed() -> tuple[str, list[bytes]]:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "white").save(out, "PNG")
    return "批准.png", [out.getvalue()]
