"""Digests are of canonical JSON; a pack that anybody touched is found out without the hall."""

import contextlib
import copy
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arrears import evidence_files, evidence_rules
from arrears.evidence_files import BadFile
from arrears.evidence_rules import Fault

ACCOUNT = "8100000001"


def row(row_id: int, text: str, seal: int = 1, table: str = "notices_message") -> dict[str, Any]:
    values = {"code": text}
    mark = evidence_rules.row_digest(table, "", row_id, values)
    return {
        "table": table,
        "part": "",
        "id": row_id,
        "at": "",
        "values": values,
        "digest": mark,
        "seal": seal,
    }


def seal(sequence: int, previous: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    entries = [[each["table"], each["part"], each["id"], each["digest"], ""] for each in rows]
    on = f"2026-03-{sequence:02d}"
    mark = evidence_rules.seal_digest(
        account=ACCOUNT, sequence=sequence, sealed_on=on, previous=previous, entries=entries
    )
    return {"sequence": sequence, "sealed_on": on, "previous": previous, "digest": mark, "rows": entries}


def pack() -> dict[str, Any]:
    first, second, third = row(1, "账单已逾期"), row(2, "停机预告"), row(3, "已停机", 2)
    one = seal(1, "", [first, second])
    two = seal(2, one["digest"], [third])
    made = {
        "schema": evidence_rules.SCHEMA,
        "account": {"number": ACCOUNT},
        "rows": [first, second, third, row(4, "未封存", 0)],
        "purged": [],
        "seals": [one, two],
        "roots": [],
    }
    return made | {"digest": evidence_rules.pack_digest(made)}


def test_an_untouched_pack_has_no_fault() -> None:
    assert evidence_files.file_fault(pack()) is None


def _value(made: dict[str, Any]) -> None:
    made["rows"][1]["values"]["code"] = "停机预吿"


def _value_with_its_digest(made: dict[str, Any]) -> None:
    made["rows"][1]["values"]["code"] = "别的"
    made["rows"][1]["digest"] = evidence_rules.row_digest("notices_message", "", 2, made["rows"][1]["values"])


def _unsealed(made: dict[str, Any]) -> None:
    made["rows"][3]["values"]["code"] = "别的"


def _gone(made: dict[str, Any]) -> None:
    del made["rows"][2]


def _seal(made: dict[str, Any]) -> None:
    made["seals"][0]["sealed_on"] = "2026-03-09"


def _first_seal_gone(made: dict[str, Any]) -> None:
    del made["rows"][:2], made["seals"][0]


def _contact(made: dict[str, Any]) -> None:
    made["account"]["customer"] = "别人"


def _schema(made: dict[str, Any]) -> None:
    made["schema"] = "hall.evidence/2"


def _not_a_pack(made: dict[str, Any]) -> None:
    del made["seals"]


def _twice(made: dict[str, Any]) -> None:
    made["rows"].insert(1, made["rows"][0])
    made["digest"] = evidence_rules.pack_digest(made)


def _forged_into_a_seal(made: dict[str, Any]) -> None:
    made["rows"].append(row(5, "已送达", 2))
    made["digest"] = evidence_rules.pack_digest(made)


def _said_to_be_sealed_elsewhere(made: dict[str, Any]) -> None:
    made["rows"][0]["seal"] = 2
    made["digest"] = evidence_rules.pack_digest(made)


def _other_order(made: dict[str, Any]) -> None:
    made["rows"].reverse()
    made["digest"] = evidence_rules.pack_digest(made)


def _other_time(made: dict[str, Any]) -> None:
    made["rows"][3]["at"] = "2026-03-01"
    made["digest"] = evidence_rules.pack_digest(made)


def _link(made: dict[str, Any]) -> None:
    made["seals"][1]["previous"] = "0" * 64
    made["digest"] = evidence_rules.pack_digest(made)


def _sealed_row_out_of_the_list(made: dict[str, Any]) -> None:
    del made["rows"][2], made["seals"][1]["rows"][0]
    made["digest"] = evidence_rules.pack_digest(made)


def _another_account(made: dict[str, Any]) -> None:
    made["account"]["number"] = "8100000002"
    made["digest"] = evidence_rules.pack_digest(made)


@pytest.mark.parametrize(
    ("alter", "fault"),
    [
        (_twice, Fault("ADDED", ACCOUNT, "notices_message", 1, 1)),
        (_forged_into_a_seal, Fault("ADDED", ACCOUNT, "notices_message", 5, 2)),
        (_said_to_be_sealed_elsewhere, Fault("ALTERED", ACCOUNT, "notices_message", 1, 1)),
        (_other_order, Fault("ORDER", ACCOUNT, "notices_message", 3, 2)),
        (_other_time, Fault("ORDER", ACCOUNT, "notices_message", 4, 0)),
        (_link, Fault("SEAL", ACCOUNT, seal=2)),
        (_sealed_row_out_of_the_list, Fault("SEAL", ACCOUNT, seal=2)),
        (_another_account, Fault("SEAL", "8100000002", seal=1)),
        (_value, Fault("ALTERED", ACCOUNT, "notices_message", 2, 1)),
        (_value_with_its_digest, Fault("ALTERED", ACCOUNT, "notices_message", 2, 1)),
        (_unsealed, Fault("ALTERED", ACCOUNT, "notices_message", 4, 0)),
        (_gone, Fault("MISSING", ACCOUNT, "notices_message", 3, 2)),
        (_seal, Fault("SEAL", ACCOUNT, seal=1)),
        (_first_seal_gone, Fault("SEAL", ACCOUNT, seal=1)),
        (_contact, Fault("FILE", ACCOUNT)),
        (_schema, Fault("SCHEMA")),
        (_not_a_pack, Fault("SCHEMA")),
    ],
)
def test_what_was_touched_is_named(alter: Callable[[dict[str, Any]], None], fault: Fault) -> None:
    made = copy.deepcopy(pack())
    alter(made)
    assert evidence_files.file_fault(made) == fault


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        "x",
        [],
        [[]],
        {},
        {"schema": evidence_rules.SCHEMA},
        {"schema": evidence_rules.SCHEMA, "account": {}},
    ],
)
def test_other_json_is_no_pack(value: Any) -> None:
    assert evidence_files.file_fault(value) == Fault("SCHEMA")


_TEXT = evidence_rules.canonical(pack())


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "EMPTY"),
        (b" \n", "EMPTY"),
        (b"%PDF-1.7", "NOT_JSON"),
        (b"{'a': 1}", "NOT_JSON"),
        (b'{"a": NaN}', "NOT_JSON"),
        (b'{"a": 1, "a": 2}', "NOT_JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "NOT_JSON"),
        (b"[" * 100_000, "NOT_JSON"),
        (_TEXT.encode()[: len(_TEXT) // 2], "TRUNCATED"),
        (_TEXT.encode()[:-1], "TRUNCATED"),
        (_TEXT.encode() + b"}", "NOT_JSON"),
        (_TEXT.encode("gb18030"), "ENCODING"),
        (_TEXT.encode("utf-16"), "ENCODING"),
        (_TEXT.encode("utf-8-sig"), "ENCODING"),
        (b" " * (evidence_files.LARGEST + 1), "TOO_LARGE"),
    ],
)
def test_what_is_no_pack_at_all_says_why(content: bytes, code: str) -> None:
    with pytest.raises(BadFile) as refusal:
        evidence_files.parse(content)
    assert refusal.value.code == code
    assert str(refusal.value).startswith(f"{code}: ")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_are_more_than_refused(content: bytes) -> None:
    with contextlib.suppress(BadFile):
        assert evidence_files.file_fault(evidence_files.parse(content)) == Fault("SCHEMA")


@given(st.integers(0, len(_TEXT.encode()) - 1), st.integers(1, 255))
def test_no_byte_of_a_pack_can_be_another(place: int, change: int) -> None:
    content = bytearray(_TEXT.encode())
    content[place] ^= change
    try:
        made = evidence_files.parse(bytes(content))
    except BadFile:
        return
    assert made == pack() or evidence_files.file_fault(made) is not None


def test_what_went_by_the_rules_of_retention_is_no_fault() -> None:
    made = pack()
    del made["rows"][2]
    made["purged"] = [["notices_message", "", 3]]
    made["digest"] = evidence_rules.pack_digest(made)
    assert evidence_files.file_fault(made) is None


def test_values_are_plain_and_the_same_everywhere() -> None:
    at = datetime(2026, 3, 4, 4, 5, 6, 7, tzinfo=UTC)
    assert evidence_rules.plain(at) == "2026-03-04T04:05:06.000007+00:00"
    assert evidence_rules.plain(date(2026, 3, 4)) == "2026-03-04"
    assert evidence_rules.plain(memoryview(b"")) == evidence_rules.digest("")
    assert evidence_rules.canonical({"b": 1, "a": "号"}) == '{"a":"号","b":1}'


def test_a_fault_is_told_in_one_line() -> None:
    assert str(Fault("ALTERED", ACCOUNT, "notices_message", 2, 1)) == (
        "ALTERED 8100000001 notices_message id 2 seal 1"
    )
    assert str(Fault("ROOT", on="2026-03-04")) == "ROOT 2026-03-04"
