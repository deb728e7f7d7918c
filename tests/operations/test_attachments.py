"""A file in an operation's form: from the first page to the slip, and to those whom it concerns."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from accounts.models import Membership, User
from billing.models import Bill, Dispute
from core.uploads.models import Upload
from operations.models import Slip
from tests.admin.build import staff_with
from tests.billing import build
from tests.operations.serving import clerks

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("noon")]
DISPUTE = "/operations/bill.dispute/"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.MEDIA_ROOT = str(tmp_path)
    return tmp_path / "uploads"


@pytest.fixture
def alice(db: None) -> User:
    return build.user()


@pytest.fixture
def bill(alice: User) -> Bill:
    return build.bill(build.account(alice))


@pytest.fixture
def web(alice: User) -> Client:
    return clerks.log_in(alice)


def photo(name: str = "收据.png") -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "green").save(out, "PNG")
    return SimpleUploadedFile(name, out.getvalue(), content_type="text/html")


def filled(bill: Bill, **more: Any) -> dict[str, Any]:
    return {"_step": "quote", "bill": bill.number, "cause": "AMOUNT", "text": "多收了"} | more


def hidden(page: Any, name: str) -> str:
    found = re.findall(rf'<input type="hidden" name="{name}" value="([^"]*)">', page.content.decode())
    return found[0] if found else ""


def submitted(web: Client, page: Any, bill: Bill, **more: Any) -> Any:
    steps = {name: hidden(page, name) for name in ("_trace", "_digest", "_key", "photo")}
    return web.post(DISPUTE, filled(bill) | steps | {"_step": "submit", "_agreed": "yes"} | more)


def test_the_form_sends_files(web: Client, bill: Bill) -> None:
    page = web.get(DISPUTE).content.decode()
    assert 'enctype="multipart/form-data"' in page
    assert 'type="file" name="photo"' in page


def test_a_photo_goes_with_the_dispute(web: Client, bill: Bill, alice: User) -> None:
    page = web.post(DISPUTE, filled(bill, photo=photo()))
    assert "收据.jpg" in page.content.decode()
    kept = Upload.objects.get()
    assert hidden(page, "photo") == kept.token
    assert submitted(web, page, bill).status_code == 302
    kept.refresh_from_db()
    assert (kept.subject, kept.owner_ref) == (Dispute.objects.get().number, f"user:{alice.pk}")
    shown = web.get(reverse("billing:bill", args=[bill.number])).content.decode()
    assert f"/files/{kept.token}/" in shown
    assert web.get(f"/files/{kept.token}/").status_code == 200


def test_without_a_photo_it_is_as_before(web: Client, bill: Bill) -> None:
    page = web.post(DISPUTE, filled(bill))
    assert submitted(web, page, bill).status_code == 302
    assert Dispute.objects.exists()
    assert not Upload.objects.exists()


def test_a_file_of_another_sort_is_said_beside_the_field(web: Client, bill: Bill, folder: Path) -> None:
    wrong = SimpleUploadedFile("photo.jpg", b"<svg onload='alert(1)'/>", content_type="image/jpeg")
    page = web.post(DISPUTE, filled(bill, photo=wrong))
    assert page.status_code == 422
    assert "只能上传照片" in page.content.decode()
    assert "多收了" in page.content.decode()
    assert not folder.exists()


def test_what_was_sent_stays_when_something_else_is_missing(web: Client, bill: Bill) -> None:
    page = web.post(DISPUTE, filled(bill, text="", photo=photo()))
    assert page.status_code == 422
    assert Upload.objects.count() == 1
    token = re.findall(r'name="photo" value="([^"]+)"', page.content.decode())[0]
    again = web.post(DISPUTE, filled(bill, photo=token))
    assert hidden(again, "photo") == token
    assert Upload.objects.count() == 1


@pytest.mark.parametrize("token", ["!NONSENSE", "x" * 43, "' OR 1=1"])
def test_a_token_that_is_none_is_refused(web: Client, bill: Bill, token: str) -> None:
    page = web.post(DISPUTE, filled(bill, photo=token))
    assert page.status_code == 422
    assert "文件不在了" in page.content.decode()


def test_anothers_file_cannot_be_used(web: Client, bill: Bill) -> None:
    bob = build.user()
    theirs = build.bill(build.account(bob))
    page = clerks.log_in(bob).post(DISPUTE, filled(theirs, photo=photo()))
    stolen = web.post(DISPUTE, filled(bill, photo=hidden(page, "photo")))
    assert stolen.status_code == 422
    assert web.get(f"/files/{hidden(page, 'photo')}/").status_code == 404


def test_a_file_serves_one_dispute(web: Client, bill: Bill, alice: User) -> None:
    other = build.bill(bill.account)
    page = web.post(DISPUTE, filled(bill, photo=photo()))
    submitted(web, page, bill)
    again = web.post(DISPUTE, filled(other, photo=hidden(page, "photo")))
    assert again.status_code == 422


def test_a_file_for_an_operation_that_takes_none_is_not_kept(web: Client, bill: Bill) -> None:
    web.post("/operations/balance.auto_use/", {"_step": "quote", "account": "x", "photo": photo()})
    assert not Upload.objects.exists()


def test_a_visitors_file_is_not_kept(db: None, bill: Bill, folder: Path) -> None:
    assert Client().post(DISPUTE, filled(bill, photo=photo())).status_code == 302
    assert not folder.exists()


@pytest.fixture
def kept(web: Client, bill: Bill) -> Upload:
    submitted(web, web.post(DISPUTE, filled(bill, photo=photo())), bill)
    return Upload.objects.get()


def test_members_of_the_account_and_the_staff_who_answer_see_it(
    kept: Upload, bill: Bill, log: Callable[..., int]
) -> None:
    viewer = build.user()
    Membership.objects.create(
        user=viewer, account=bill.account, role=Membership.Role.VIEWER, created_at=bill.created_at
    )
    assert log(viewer) == 200
    assert log(build.user()) == 404
    assert log(staff_with("billing.view_dispute", username="answers")) == 200
    assert log(staff_with("billing.view_bill", username="other")) == 404
    elsewhere = clerks.region("ELSEWHERE")
    assert log(staff_with("billing.view_dispute", username="far", region=elsewhere)) == 404


@pytest.fixture
def log(kept: Upload) -> Callable[[User], int]:
    def status(user: User) -> int:
        return clerks.log_in(user).get(f"/files/{kept.token}/").status_code

    return status


def test_the_slip_keeps_no_picture(kept: Upload) -> None:
    assert Slip.objects.get().data["photo"] == str(kept.pk)
