import os
from pathlib import Path

import pytest

from runtime import datafolder
from runtime.console import Problem
from runtime.datafolder import DataFolder


def test_a_user_keeps_data_in_the_checkout() -> None:
    assert datafolder.choose(Path("/srv/my hall"), {}, is_root=False) == Path("/srv/my hall/.hall")


def test_root_keeps_data_where_the_database_account_can_reach_it() -> None:
    chosen = datafolder.choose(Path("/root/my hall"), {}, is_root=True)
    assert chosen.parent == Path("/var/lib/hall")
    assert chosen.name.startswith("my-hall-")


def test_two_checkouts_of_one_name_do_not_share_data() -> None:
    first, second = (
        datafolder.choose(Path(parent) / "hall", {}, is_root=True) for parent in ("/root", "/srv")
    )
    assert first != second


@pytest.mark.parametrize("is_root", [True, False])
def test_hall_data_dir_wins(is_root: bool) -> None:
    assert datafolder.choose(Path("/srv/hall"), {"HALL_DATA_DIR": "/data"}, is_root=is_root) == Path("/data")


def test_an_empty_hall_data_dir_counts_as_not_set() -> None:
    assert datafolder.choose(Path("/srv/hall"), {"HALL_DATA_DIR": ""}, is_root=False) == Path(
        "/srv/hall/.hall"
    )


def test_preparing_twice_keeps_what_is_there(tmp_path: Path) -> None:
    data = datafolder.prepare(tmp_path / "new" / "data")
    data.note(postgres_port=1)
    assert datafolder.prepare(data.root).read_state() == {"postgres_port": 1}


def test_private_folders_are_closed_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        data = datafolder.prepare(tmp_path / "data")
    finally:
        os.umask(before)
    assert [folder.stat().st_mode & 0o777 for folder in (data.logs, data.keys, data.work)] == [0o700] * 3


def test_a_folder_with_other_things_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(Problem, match="not empty"):
        datafolder.prepare(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_first_start_that_died_before_the_marker_was_whole_is_continued(tmp_path: Path) -> None:
    (tmp_path / f".{datafolder.MARKER}.abc").write_text("")
    assert datafolder.prepare(tmp_path).marker.exists()


def test_a_file_in_the_place_of_the_folder_is_a_clear_problem(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(Problem, match="HALL_DATA_DIR"):
        datafolder.prepare(tmp_path / "data")


def test_dropping_needs_the_marker(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    with pytest.raises(Problem, match="not the hall's"):
        DataFolder(tmp_path).remove_contents()
    assert (tmp_path / "postgres").exists()


def test_dropping_leaves_what_the_hall_has_not_made(tmp_path: Path) -> None:
    data = datafolder.prepare(tmp_path / "data")
    data.postgres.mkdir()
    data.credentials.write_text("{}")
    (data.root / "notes.txt").write_text("mine")
    data.remove_contents()
    assert sorted(entry.name for entry in data.root.iterdir()) == ["hall-data.json", "notes.txt"]


def test_an_unreadable_state_counts_as_none(tmp_path: Path) -> None:
    data = datafolder.prepare(tmp_path / "data")
    data.state.write_text("{half")
    assert data.read_state() == {}
    data.note(a=1)
    assert data.read_state() == {"a": 1}


def test_private_files_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    datafolder.write_private(tmp_path / "secret", "x")
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]


def test_sockets_lie_in_the_data_folder_unless_its_path_is_too_long_or_odd(tmp_path: Path) -> None:
    assert DataFolder(Path("/var/lib/hall/x")).sockets == Path("/var/lib/hall/x/sockets")
    for root in (Path("/srv") / ("long" * 30), Path("/srv/a,b")):
        folder = DataFolder(root).sockets
        assert folder.parent == Path("/tmp")
        assert folder != DataFolder(tmp_path).sockets


def test_a_second_supervisor_is_refused_and_told_where_the_first_is(tmp_path: Path) -> None:
    data = datafolder.prepare(tmp_path / "data")
    data.note(supervisor={"pid": 4711, "url": "http://127.0.0.1:8000/"})
    with (
        datafolder.locked(data),
        pytest.raises(datafolder.AlreadyRunning, match=r"4711, http://127\.0\.0\.1:8000/"),
        datafolder.locked(data),
    ):
        pass
    with datafolder.locked(data):
        pass  # free again
