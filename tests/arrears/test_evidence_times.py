"""When the rows of a pack happened, and the digest of a night, on their own."""

from typing import Any

from arrears import evidence_rules
from arrears.evidence_rules import Root


def test_a_row_stands_where_it_happened_and_a_part_with_what_it_belongs_to() -> None:
    rows: list[tuple[str, str, int, dict[str, Any]]] = [
        ("notices_message", "", 1, {"created_at": "2026-03-01"}),
        ("notices_message", "body", 1, {"text": "停机预告"}),
        ("notices_delivery", "", 2, {"sent_at": "2026-03-02", "delivered_at": "2026-03-03"}),
        ("arrears_warrant", "", 7, {"at": "2026-06-04"}),
        ("arrears_warrantproof", "", 9, {"warrant_id": 7}),
        ("arrears_warrantproof", "", 10, {"warrant_id": 8}),
        ("accounts_contact", "", 3, {"value": "+8613700000001"}),
    ]
    assert evidence_rules.times(rows) == [
        "2026-03-01", "2026-03-01", "2026-03-03", "2026-06-04", "2026-06-04", "", "",
    ]  # fmt: skip


def night(*seals: tuple[str, int, str], previous: str = "", on: str = "2026-03-04") -> Root:
    root = Root(previous, on)
    for each in seals:
        root.add(*each)
    return root


def test_a_night_is_its_seals_in_their_order_after_the_night_before() -> None:
    one, two = ("8100000001", 1, "a"), ("8100000002", 1, "b")
    root = night(one, two)
    assert root.seals == 2
    assert root.digest == night(one, two).digest
    others = {
        night(two, one).digest,
        night(one).digest,
        night(one, two, previous="x").digest,
        night(one, two, on="2026-03-05").digest,
        night(one, ("8100000002", 2, "b")).digest,
        night(one, ("8100000002", 1, "c")).digest,
    }
    assert root.digest not in others
    assert len(others) == 6


def test_what_is_plain_already_stays_as_it_is() -> None:
    assert [evidence_rules.plain(each) for each in ("停机预告", 7, None, True)] == ["停机预告", 7, None, True]
    assert evidence_rules.plain(b"receipt") == evidence_rules.digest("receipt")
