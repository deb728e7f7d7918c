import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from content.models import Picture
from content.services import articles, pictures
from core import clock
from tests.conftest import NOON
from tests.content import build

pytestmark = pytest.mark.django_db


def file(kind: str = "PNG", size: tuple[int, int] = (40, 30), **more: object) -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", size, (10, 99, 80)).save(out, kind, **more)
    return SimpleUploadedFile(f"x.{kind.lower()}", out.getvalue())


def test_a_picture_is_made_anew_and_keeps_nothing_of_the_file() -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    found = pictures.add(file("JPEG", (3200, 100), exif=exif), actor=build.ACTOR, as_of=NOON)
    data = bytes(found.data)
    assert (found.width, found.height, data[:4], data[8:12]) == (1600, 50, b"RIFF", b"WEBP")
    assert b"SecretCamera" not in data
    assert b"Exif" not in data


def test_the_same_pixels_are_one_picture() -> None:
    first = pictures.add(file(), actor=build.ACTOR, as_of=NOON)
    assert pictures.add(file(), actor=build.ACTOR, as_of=NOON).pk == first.pk


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
        b"GIF89a" + bytes(50),
        b"\x89PNG\r\n\x1a\nxx",
    ],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(pictures.NotAPicture):
        pictures.add(SimpleUploadedFile("x.png", content), actor=build.ACTOR, as_of=NOON)
    assert not Picture.objects.exists()


def test_a_bomb_and_a_large_file_are_refused() -> None:
    with pytest.raises(pictures.PictureTooLarge):
        pictures.add(file("PNG", (6000, 5000)), actor=build.ACTOR, as_of=NOON)
    with pytest.raises(pictures.PictureTooLarge):
        pictures.add(
            SimpleUploadedFile("x.png", bytes(pictures.MOST_BYTES + 1)), actor=build.ACTOR, as_of=NOON
        )


def test_it_is_shown_as_long_as_an_article_with_it_is() -> None:
    picture = pictures.add(file(), actor=build.ACTOR, as_of=NOON)
    article = build.published(picture=picture)
    address = f"/pictures/{picture.digest}/"
    with clock.stopped(NOON):
        answer = Client().get(address)
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/webp")
        assert address in Client().get(f"/news/{article.slug}/").content.decode()
    with clock.stopped(article.active_until):  # type: ignore[arg-type]  # published: it has one
        assert Client().get(address).status_code == 404
    articles.withdraw(article_id=article.pk, actor=build.ACTOR, as_of=NOON, reason="错")
    with clock.stopped(NOON):
        assert Client().get(address).status_code == 404
