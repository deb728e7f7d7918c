import socket
import subprocess
import zipfile
from pathlib import Path

import pytest

from benchmarks import peers


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HALL_BENCH_CACHE", str(tmp_path))
    return tmp_path


def test_a_package_that_cannot_be_installed_is_told_with_pips_words(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(peers.PeerMissing, match=r"no-such-peer==1\.0 cannot be installed: .*no-such-peer"):
        peers.environment("no-such-peer", "1.0")
    assert not list(cache.glob("*/complete"))


def test_an_index_that_never_answers_is_given_up(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "BUILD_SECONDS", 5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/simple")
        with pytest.raises(peers.PeerMissing, match="gave up after 5 s"):
            peers.environment("no-such-peer", "1.0")
    assert not list(cache.glob("*/complete"))


def test_an_environment_is_built_once_and_used_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = _wheel(cache)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(cache))
    first = peers.environment("tiny-peer", "1.0")
    wheel.unlink()
    assert peers.environment("tiny-peer", "1.0") == first
    assert first.is_relative_to(cache)
    done = subprocess.run(
        [first, "-c", "import tiny_peer; print(tiny_peer.ANSWER)"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "42\n"


def test_a_half_built_environment_is_built_anew(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _wheel(cache)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(cache))
    python = peers.environment("tiny-peer", "1.0")
    (python.parent.parent / "complete").unlink()
    python.unlink()
    assert peers.environment("tiny-peer", "1.0") == python
    assert python.exists()


def test_a_cache_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HALL_BENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(peers.PeerMissing, match="file"):
        peers.environment("peer", "1.0")


def _wheel(folder: Path) -> Path:
    path = folder / "tiny_peer-1.0-py3-none-any.whl"
    info = "tiny_peer-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny_peer.py", "ANSWER = 42\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-peer\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path
