"""Digests are of canonical JSON; a pack that anybody touched is found out without the hall."""

import copy
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from arrears import evidence_files, evidence_rules
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


@pytest.mark.parametrize(
    ("alter", "fault"),
    [
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
