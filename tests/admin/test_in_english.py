"""The staff pages hold no Chinese of ours when they are read in English."""

import re
from typing import Any

from django.contrib import admin
from django.test import Client, TestCase
from django.urls import reverse
from django.utils import translation

from accounts import consent_texts
from accounts.models import User
from tests.admin import build
from tests.architecture.messages import CHINESE

# What the rows below hold. New ones stand in 〔 〕, so that nothing is to be added here.
DATA = re.compile(
    r"〔[^〕]*〕|简体中文|城东|用户0|张0|幸福路 0 号|已收到您的缴费|停业|试验|角色0|街道0|基本收视维护费|subject=账单"
    r"|客户\d+|客户来电|客户要求|停机|同意|录错|比上个月多了很多|电视费|缴错户号"
    r"|产品类型 0|规格 0|频道|60 套|等级 ?0|系列 0|产品 0|优惠 0|低保户|客户群 0|因为您在这里|家庭产品|全家享|订购产品"
    r"|仓库0|机顶盒|检修公告 0|正文|条目 0|没有 0|栏目 0|营业厅 0|和平路 1 号|客户到厅"
)
with translation.override("zh-hans"):
    AGREED = [str(each.text) for each in consent_texts.TEXTS.values()]  # kept as it was read


class InEnglish(TestCase):
    client: Client

    @classmethod
    def setUpTestData(cls) -> None:
        build.hall(1)
        build.superuser()

    def setUp(self) -> None:
        self.client = Client(headers={"Accept-Language": "en"})
        self.client.force_login(User.objects.get(username="root"))

    def chinese(self, address: str) -> list[str]:
        answer: Any = self.client.get(address)
        assert answer.status_code == 200, address
        text = answer.content.decode()
        assert '<html lang="en"' in text
        for agreed in AGREED:
            text = text.replace(agreed, "")
        text = DATA.sub("", text)
        return [text[max(0, found.start() - 60) : found.end() + 20] for found in CHINESE.finditer(text)]

    def test_the_first_page(self) -> None:
        assert self.chinese(reverse("admin:index")) == []

    def test_lists_and_details(self) -> None:
        for model, page in admin.site._registry.items():
            label = f"admin:{model._meta.app_label}_{model._meta.model_name}"
            with self.subTest(model=model._meta.label, page="list"):
                assert self.chinese(reverse(f"{label}_changelist")) == []
            row = model._default_manager.order_by("-pk").first()
            assert row is not None
            with self.subTest(model=model._meta.label, page="detail"):
                assert self.chinese(reverse(f"{label}_change", args=[row.pk])) == []
            for act in getattr(page, "reasoned", ()):
                with self.subTest(model=model._meta.label, page=act.name):
                    assert self.chinese(reverse(f"{label}_act", args=[act.name]) + f"?ids={row.pk}") == []

    def test_one_and_many_have_their_own_words(self) -> None:
        answer = self.client.get(reverse("admin:billing_bill_changelist"))
        assert re.search(r">\s*Bills\s*<", answer.content.decode())
        assert answer.context["title"] == "Select Bill to view"
