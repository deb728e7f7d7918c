"""Pictures that staff put in. What is kept is made anew from the pixels: no script, no place, no camera in it."""

import hashlib
import io
import warnings
from datetime import datetime

from django.core.files.base import File
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps

from content.models import Picture
from core.actor import Actor
from core.errors import HallError

MOST_BYTES = 5 * 1024 * 1024
MOST_PIXELS = 24_000_000  # a file of a few kilobytes can claim to be a picture that fills the memory
LONGEST_SIDE = 1600
FORMATS = ("PNG", "JPEG", "WEBP")


class PictureTooLarge(HallError):
    code = "PICTURE_TOO_LARGE"
    message = _("图片不能超过 5 MB、2400 万像素")


class NotAPicture(HallError):
    code = "NOT_A_PICTURE"
    message = _("请上传 PNG、JPEG 或 WebP 图片")


def add(file: File[bytes], *, actor: Actor, as_of: datetime) -> Picture:
    """The picture, as WebP of at most 1600 pixels a side; the same pixels are the same row."""
    if (file.size or 0) > MOST_BYTES:
        raise PictureTooLarge()
    image = _opened(file.read(MOST_BYTES + 1))
    data = _written(image)
    picture, _is_new = Picture.objects.get_or_create(
        digest=hashlib.sha256(data).hexdigest(),
        defaults={
            "width": image.width,
            "height": image.height,
            "data": data,
            "created_at": as_of,
            "created_by": actor.ref,
        },
    )
    return picture


def _opened(raw: bytes) -> Image.Image:
    if len(raw) > MOST_BYTES:
        raise PictureTooLarge()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(raw), formats=FORMATS)
            if image.width * image.height > MOST_PIXELS:
                raise PictureTooLarge()
            image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureTooLarge() from error
    except (OSError, ValueError, SyntaxError) as error:  # Pillow's ways of saying that it cannot be read
        raise NotAPicture() from error
    upright = ImageOps.exif_transpose(image).convert("RGBA" if "A" in image.getbands() else "RGB")
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return upright


def _written(image: Image.Image) -> bytes:
    clean = Image.frombytes(
        image.mode, image.size, image.tobytes()
    )  # the pixels, and nothing that came with them
    out = io.BytesIO()
    clean.save(out, "WEBP", quality=82, method=4)
    return out.getvalue()
