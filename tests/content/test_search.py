"""What the search finds, in which order, how fast, and what it keeps of questions."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils.translation import gettext_lazy, override

from content import search, words
from content.models import SearchItem, SearchMiss
from content.search import Entry
from content.templatetags import content as tags
from core import clock
from operations import registry
from tests.conftest import NOON
from tests.content import build

pytestmark = pytest.mark.django_db
MANY = 50_000


@pytest.fixture(autouse=True)
def _nothing_else() -> None:
    SearchItem.objects.all().delete()


def put(key: str, title: str, text: str = "", **more: object) -> None:
    search.put([Entry("test", key, title, f"/{key}/", text, **more)])  # type: ignore[arg-type]  # plain values


def keys(question: str) -> list[str]:
    return [hit.key for hit in search.find(question, as_of=NOON).hits]


@pytest.mark.parametrize(
    ("question", "finds"),
    [
        ("账单", True),  # two characters inside a sentence
        ("电子账单", True),
        ("单电", False),  # two characters that do not stand together
        ("邮", True),  # a single one, at the beginning or the end of a word
        ("箱", True),
        ("WiFi", True),
        ("wi", True),  # the beginning of a Latin word
        ("ifi", False),
        ("ＷＩＦＩ", True),  # full width
        ("帳單", True),  # traditional characters
        ("電子賬單", True),
        ("郵箱", True),
        ("查wifi", False),  # "查" is not in it
        ("账单 wifi", True),  # all words, wherever
        ("1OOM", False),
        ("100m", True),
        ("账箱", False),
        ("", False),
        ("！？", False),
        ("' | '", False),
        ("账单 & 没有", False),
        ("\\'", False),
    ],
)
def test_what_a_question_finds(question: str, finds: bool) -> None:
    put("one", "把电子账单发到邮箱", "家里的 WiFi 和 100M 宽带也在账单里")
    assert keys(question) == (["one"] if finds else [])


def test_three_characters_must_stand_together_and_not_only_in_pairs() -> None:
    put("apart", "营业，业厅")
    assert keys("营业厅") == []
    put("together", "和平路营业厅")
    assert keys("营业厅") == ["together"]


def test_what_is_written_in_traditional_characters_is_found_by_simplified_ones() -> None:
    put("one", "寬頻網絡")
    assert keys("宽频网络") == keys("寬頻") == ["one"]


@pytest.mark.parametrize(
    ("question", "marked"),
    [
        ("账单", "把电子<mark>账单</mark>发到邮箱，<mark>账单</mark>"),
        ("帳單", "把电子<mark>账单</mark>发到邮箱，<mark>账单</mark>"),
        ("账单 邮箱", "把电子<mark>账单</mark>发到<mark>邮箱</mark>，<mark>账单</mark>"),
        ("没有", "把电子账单发到邮箱，账单"),
        ("", "把电子账单发到邮箱，账单"),
    ],
)
def test_what_was_asked_for_is_marked(question: str, marked: str) -> None:
    put("one", "把电子账单发到邮箱，账单")
    assert tags.marked("把电子账单发到邮箱，账单", question) == marked


def test_marks_keep_to_the_beginning_of_words_and_escape_everything() -> None:
    assert tags.marked("ＷＩＦＩ wifi unwifi <b>", "wi") == (
        "<mark>ＷＩ</mark>ＦＩ <mark>wi</mark>fi unwifi &lt;b&gt;"
    )
    assert tags.marked("<script>账单", "script") == "&lt;<mark>script</mark>&gt;账单"
    assert tags.marked("面积 30㎡ 整", "30m2") == "面积 <mark>30㎡</mark> 整"


def test_the_page_marks_and_costs_the_same_for_one_and_for_many(django_assert_num_queries: object) -> None:
    for number in range(30):
        put(f"n{number}", f"账单第{number}条")
        if number in (0, 29):
            with django_assert_num_queries(2):  # type: ignore[operator]  # pytest-django's fixture has no type
                page = Client().get("/search/", {"q": "帳單"}).content.decode()
            assert page.count("<mark>账单</mark>") == number + 1


def test_the_title_comes_before_the_text_and_weight_before_both() -> None:
    put("text", "别的标题", "这里说退款")
    put("title", "退款怎么办", "一二三")
    put("operation", "退款", "一二三", boost=130)
    assert keys("退款") == ["operation", "title", "text"]


def test_nothing_is_found_before_its_time_or_after() -> None:
    put("now", "退款", active_from=NOON - timedelta(days=1), active_until=NOON + timedelta(seconds=1))
    put("over", "退款", active_from=NOON - timedelta(days=1), active_until=NOON)
    put("later", "退款", active_from=NOON + timedelta(seconds=1))
    assert keys("退款") == ["now"]


def test_a_lazy_text_is_found_in_every_language_and_shown_in_the_readers() -> None:
    search.index(kind="test", key="pay", title=gettext_lazy("首页"), url="/")
    assert keys("首页") == keys("home") == ["pay"]
    with override("en"):
        assert search.find("首页", as_of=NOON).hits[0].title == "Home"


def test_putting_in_again_replaces_and_removing_removes() -> None:
    put("one", "退款")
    put("one", "发票")
    assert keys("退款") == []
    assert keys("发票") == ["one"]
    search.remove(kind="test", key="one")
    assert keys("发票") == []


def test_where_not_all_words_fit_those_that_fit_are_suggested() -> None:
    put("one", "退款怎么办")
    found = search.find("火星退款", as_of=NOON)
    assert (found.hits, [hit.key for hit in found.suggestions]) == ([], ["one"])


def test_operations_articles_halls_and_pages_are_all_in_it() -> None:
    build.published("有一条公告说检修")
    build.hall("书院巷营业厅")
    SearchItem.objects.all().delete()
    search.put([Entry("operation", "gone.long_ago", "旧业务", "/")])
    with clock.stopped(NOON):
        call_command("rebuild_search")
    assert set(SearchItem.objects.values_list("kind", flat=True)) == {"article", "hall", "operation", "page"}
    operations = SearchItem.objects.filter(kind="operation").values_list("key", flat=True)
    assert set(operations) == {operation.code for operation in registry.everything()}
    assert [hit.url for hit in search.find("书院巷", as_of=NOON).hits] != []


def test_a_search_is_one_query_and_its_index_is_used(django_assert_num_queries: object) -> None:
    """At 50,000 entries, with the planner as it is."""
    syllables = ["账单", "缴费", "宽带", "电视", "退款", "发票", "营业", "检修", "优惠", "套餐"]
    rows = (
        Entry("many", str(i), f"{syllables[i % 10]}{syllables[i // 10 % 10]}说明{i}", "/x/", f"第{i}条内容")
        for i in range(MANY)
    )
    search.put(rows)
    put("needle", "夜间施工")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE content_searchitem")
        sql, values = search.statement(words.question("夜间施工"), NOON, 20)
        cursor.execute(f"EXPLAIN (FORMAT TEXT) {sql}", values)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "search_words" in plan
    assert "Seq Scan on content_searchitem" not in plan
    with django_assert_num_queries(1):  # type: ignore[operator]  # pytest-django's fixture has no type
        assert keys("夜间施工") == ["needle"]
    assert len(search.find("账单缴费", as_of=NOON, limit=50).hits) == 50


def test_what_was_looked_for_in_vain_is_counted_and_nothing_personal_kept() -> None:
    client = Client()
    for question in (
        "量子电视",
        "量子 电视",
        "量子电视",
        "13800000001",
        "a@example.com",
        "户号 8800100001",
        "！",
    ):
        client.get("/search/", {"q": question})
    found = dict(SearchMiss.objects.values_list("term", "times"))
    assert found == {"量子电视": 2, "量子 电视": 1}


def test_the_page_helps_who_found_nothing() -> None:
    answer = Client().get("/search/", {"q": "<script>量子"}).content.decode()
    assert "没有找到“&lt;script&gt;量子”" in answer
    assert "/help/" in answer


@pytest.mark.parametrize("path", ["/", "/help/", "/news/", "/bills/", "/account/login/", "/nothing-here/"])
def test_every_page_has_the_search(path: str) -> None:
    client = Client()
    client.force_login(build.owner())
    assert 'action="/search/"' in client.get(path, follow=True).content.decode()
