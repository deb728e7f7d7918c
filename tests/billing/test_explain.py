"""Why a bill differs from the one before: a tree that sums exactly, whatever stands on the bills."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.explain import Difference, Item, Kind, Side, compare, is_large

BASIC = Item("BASIC", "基本收视维护费", 2600)
CODES = st.sampled_from(["BASIC", "VOD", "DISCOUNT", "BROADBAND"])
ITEMS = st.lists(
    st.builds(Item, CODES, st.sampled_from(["甲", "乙", "丙"]), st.integers(-10_000, 10_000)), max_size=12
)
SIDES = st.builds(Side, ITEMS, st.integers(0, 5_000))


def nodes(of: Difference) -> Iterator[Difference]:
    yield of
    for child in of.children:
        yield from nodes(child)


@given(SIDES, SIDES)
def test_every_level_sums_exactly_to_the_difference_of_the_bills(before: Side, now: Side) -> None:
    tree = compare(before, now)
    assert tree.change_cents == now.asked_cents - before.asked_cents
    for node in nodes(tree):
        if node.children or node.kind == Kind.ALL:
            assert sum(child.change_cents for child in node.children) == node.change_cents
    leaves = [node for node in nodes(tree) if not node.children and node.kind != Kind.ALL]
    assert sum(leaf.change_cents for leaf in leaves) == tree.change_cents
    lines = [leaf for leaf in leaves if leaf.kind == Kind.ITEM]
    assert sum(leaf.change_cents for leaf in lines) == now.total_cents - before.total_cents


@given(SIDES, SIDES)
def test_seen_from_the_other_side_every_change_is_the_opposite(before: Side, now: Side) -> None:
    there, back = compare(before, now), compare(now, before)
    assert back.change_cents == -there.change_cents
    by_kind = {group.kind: group for group in back.children}
    for group in there.children:
        mirrored = {Kind.NEW: Kind.GONE, Kind.GONE: Kind.NEW}.get(group.kind, group.kind)
        assert by_kind[mirrored].change_cents == -group.change_cents


@given(SIDES)
def test_the_same_bill_twice_has_nothing_to_explain_but_what_was_taken_off(side: Side) -> None:
    tree = compare(side, side)
    assert tree.change_cents == 0
    assert [group for group in tree.children if group.kind != Kind.ADJUSTED] == []


def test_what_is_new_changed_and_gone_stands_apart() -> None:
    before = Side([BASIC, Item("VOD", "点播", 500), Item("DISCOUNT", "新客优惠", -1000)])
    now = Side([BASIC, Item("VOD", "点播", 800), Item("4K", "4K 专区", 2000)])
    tree = compare(before, now)
    assert (tree.before_cents, tree.now_cents, tree.change_cents) == (2100, 5400, 3300)
    assert [(group.kind, group.change_cents) for group in tree.children] == [
        (Kind.NEW, 2000),
        (Kind.CHANGED, 300),
        (Kind.GONE, 1000),
    ]
    new, changed, gone = tree.children
    assert new.children == (Difference(Kind.ITEM, None, 2000, "4K 专区"),)
    assert changed.children == (Difference(Kind.ITEM, 500, 800, "点播"),)
    assert gone.children == (Difference(Kind.ITEM, -1000, None, "新客优惠"),)


def test_an_item_code_with_several_names_is_opened_up_and_leaves_out_what_stayed() -> None:
    before = Side([Item("VOD", "影片甲", 300), Item("VOD", "影片乙", 400)])
    now = Side([Item("VOD", "影片甲", 300), Item("VOD", "影片丙", 900), Item("VOD", "影片丙", 100)])
    [changed] = compare(before, now).children
    [vod] = changed.children
    assert (vod.before_cents, vod.now_cents, vod.texts, vod.change_cents) == (700, 1300, 3, 600)
    assert [(leaf.text, leaf.before_cents, leaf.now_cents) for leaf in vod.children] == [
        ("影片丙", None, 1000),
        ("影片乙", 400, None),
    ]


def test_a_change_of_name_alone_is_told_and_costs_nothing() -> None:
    [changed] = compare(Side([Item("BB", "宽带 100M", 5000)]), Side([Item("BB", "宽带 200M", 5000)])).children
    assert changed.change_cents == 0
    assert [leaf.change_cents for leaf in changed.children[0].children] == [5000, -5000]


def test_what_was_taken_off_later_is_a_branch_of_its_own() -> None:
    tree = compare(Side([BASIC], adjusted_cents=600), Side([BASIC]))
    assert tree.change_cents == 600
    [adjusted] = tree.children
    assert (adjusted.kind, adjusted.before_cents, adjusted.now_cents) == (Kind.ADJUSTED, -600, 0)


def test_ten_thousand_item_codes_are_compared_in_a_moment() -> None:
    side = Side([Item(f"C{i}", f"项目{i}", i) for i in range(10_000)])
    assert len(compare(Side([]), side).children[0].children) == 10_000


@pytest.mark.parametrize(
    ("total", "months", "large"),
    [
        (13_000, [2600, 2600, 2600], False),  # exactly five times is not more than five times
        (13_001, [2600, 2600, 2600], True),
        (14, [2, 3, 3], True),  # the mean is 8/3: five times it is 13.33…
        (13, [2, 3, 3], False),
        (10**9, [2600, 2600], False),
        (10**9, [], False),
        (1, [0, 0, 0], True),
        (0, [0, 0, 0], False),
    ],
)
def test_a_large_bill_is_more_than_five_times_the_mean_of_three_months(
    total: int, months: list[int], large: bool
) -> None:
    assert is_large(total, months) is large
