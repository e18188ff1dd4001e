"""Zip files from elsewhere: whatever is in them, they are read within limits or refused in one line."""

import io
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.adapters.github import archive as github_archive
from cicd_agent.adapters.github import archive as github_artifacts
from cicd_agent.adapters.github.archive import Archive, is_named, store
from cicd_agent.adapters.github.forge import GitHubForge
from cicd_agent.domain.events.workflow_run import StoredArtifact
from cicd_agent.errors import ForgeRefused
from tests.support.samples.archives import claiming, zipped
from tests.support.servers.github.app import FakeGitHub
from tests.support.servers.github.run_state import Artifact, Run

WHOLE_FILES = {"a.xml": b"<a/>" * 1_000, "b.txt": b"b" * 500}
WHOLE = zipped(WHOLE_FILES)


def opened(data: bytes) -> tuple[Archive, list[str]]:
    notes: list[str] = []
    return Archive(io.BytesIO(data), "read it", notes.append), notes


def everything(data: bytes) -> dict[str, bytes]:
    """Every entry of an archive, each whole."""
    archive, _ = opened(data)
    try:
        return {name: b"".join(archive.pieces(entry, 10_000)) for name, entry in archive.entries.items()}
    finally:
        archive.close()


def test_entries_are_read_by_name() -> None:
    assert everything(zipped({"a/b.txt": b"x", "empty": b"", "a/": b""})) == {"a/b.txt": b"x", "empty": b""}
    assert everything(zipped({})) == {}


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a/../../b", "C:\\x", "-rf", "a\nb", ".", "..", "a\x00b", "\u202e", ""]
)
def test_a_name_is_never_a_path(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert list(everything(claiming(name.encode(), b"x")).values()) == [b"x"]
    assert list(tmp_path.iterdir()) == []


def test_a_packer_that_writes_utf_8_without_saying_so_is_understood() -> None:
    assert list(everything(claiming("é😅.txt".encode(), b"x"))) == ["é😅.txt"]
    assert list(everything(claiming(b"\x82.txt", b"x"))) == ["é.txt"]


def test_an_encrypted_entry_is_left_out_with_a_note() -> None:
    archive, notes = opened(claiming(b"a.txt", b"x", flags=1))
    assert archive.entries == {}
    assert notes == ["1 of 1 entries were left out when asked to read it"]
    archive.close()


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, 99])
def test_an_entry_that_is_packed_otherwise_is_left_out_with_a_note(method: int) -> None:
    archive, notes = opened(claiming(b"a.txt", b"x", method=method))
    assert (archive.entries, len(notes)) == ({}, 1)
    archive.close()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_entries_with_one_name_the_first_counts() -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("a", b"first")
        archive.writestr("a", b"second")
    assert everything(data.getvalue()) == {"a": b"first"}


@pytest.mark.parametrize("fields", [{"crc": 1}, {"size": 9}, {"size": 2}, {"method": 8}])
def test_an_entry_that_is_not_what_it_claims_is_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ForgeRefused, match="cannot be used to read it"):
        everything(claiming(b"a.txt", b"xxx", **fields))


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", b"no zip", WHOLE[:-1], WHOLE[:40], b"PK\x05\x06" + b"\xff" * 18, b"\0" * 70_000],
)
def test_what_is_no_zip_file_is_refused(data: bytes) -> None:
    with pytest.raises(ForgeRefused, match="not a zip file"):
        opened(data)


@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=8), st.booleans())
def test_a_broken_archive_is_read_or_refused_and_nothing_else(at: int, noise: bytes, cut: bool) -> None:  # noqa: FBT001
    data = WHOLE[:at] + noise + (b"" if cut else WHOLE[at + len(noise) :])
    with suppress(ForgeRefused):
        assert set(everything(data).values()) <= set(WHOLE_FILES.values())


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ForgeRefused):
        everything(data + b"PK\x05\x06" + data[:18].ljust(18, b"\xee"))


def test_a_list_of_entries_larger_than_any_honest_one_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_archive, "MAX_DIRECTORY", 1_000)
    opened(zipped({f"{at}": b"" for at in range(18)}))[0].close()
    with pytest.raises(ForgeRefused, match="not a zip file"):
        opened(zipped({f"{at}": b"" for at in range(30)}))


def test_a_list_of_entries_that_claims_to_be_huge_is_not_believed() -> None:
    with pytest.raises(ForgeRefused):
        opened(claiming(b"a", b"x", directory=0xFFFFFFF0))
    big = struct.pack("<QHHLLQQQQ", 44, 45, 45, 0, 0, 1, 1, 2**62, 0)
    locator = struct.pack("<LQL", 0, 0, 1)
    end = b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, 65_535, 65_535, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    with pytest.raises(ForgeRefused):
        opened(b"PK\x06\x06" + big + b"PK\x06\x07" + locator + end)


def test_too_many_entries_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_archive, "MAX_ENTRIES", 2)
    with pytest.raises(ForgeRefused, match="more than 2 entries"):
        opened(zipped({"a": b"", "b": b"", "c": b""}))


def test_a_bomb_yields_no_more_than_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    archive, notes = opened(zipped({"bomb": b"\0" * 5_000_000, "other": b"x" * 100}))
    assert sum(len(piece) for piece in archive.pieces(archive.entries["bomb"], 1_000_000)) == 1_000_000
    assert notes == ["only the first 1,000,000 bytes of bomb were read"]
    archive.close()
    monkeypatch.setattr(github_archive, "MAX_UNPACKED", 1_500_000)
    archive, _ = opened(zipped({"bomb": b"\0" * 5_000_000}))
    bomb = archive.entries["bomb"]
    assert sum(len(piece) for piece in archive.pieces(bomb, 1_000_000)) == 1_000_000
    with pytest.raises(ForgeRefused, match="unpacks to more"):
        list(archive.pieces(bomb, 1_000_000))
    archive.close()


def test_what_is_read_after_the_archive_was_closed_is_an_error_in_one_line() -> None:
    archive, _ = opened(WHOLE)
    pieces = archive.pieces(archive.entries["a.xml"], 100)
    archive.close()
    with pytest.raises(ForgeRefused):
        list(pieces)


def test_a_download_has_no_name_and_is_gone_when_it_is_closed(tmp_path: Path) -> None:
    file = store(iter((b"a", b"b")), tmp_path, "read it")
    assert file.read() == b"ab"
    assert list(tmp_path.iterdir()) == []
    file.close()


def test_a_place_that_is_not_there_is_named_as_the_cause(tmp_path: Path) -> None:
    with pytest.raises(ForgeRefused, match="RUNNER_TEMP"):
        store(iter(()), tmp_path / "nothing", "read it")


def test_a_download_that_breaks_off_leaves_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files: list[IO[bytes]] = []

    def made(dir: Path) -> IO[bytes]:  # noqa: A002  as tempfile calls it
        files.append((dir / "x").open("w+b"))
        return files[-1]

    def broken() -> Iterator[bytes]:
        yield b"a"
        raise ForgeRefused("it broke off")

    monkeypatch.setattr(tempfile, "TemporaryFile", made)
    with pytest.raises(ForgeRefused, match="broke off"):
        store(broken(), tmp_path, "read it")
    assert [file.closed for file in files] == [True]


@pytest.mark.parametrize(
    ("name", "pattern", "fits"),
    [
        ("junit.xml", "junit.xml", True),
        ("reports/junit.xml", "junit.xml", True),
        ("reports/junit.xml", "**/junit.xml", True),
        ("junit.xml", "**/junit.xml", True),
        ("a/b/TEST-x.xml", "*/TEST-*.xml", True),
        ("junit.xml.exe", "junit.xml", False),
        ("Junit.xml", "junit.xml", False),
        ("other/junit.xml", "reports/*.xml", False),
        ("a.xml", "[", False),
    ],
)
def test_a_pattern_stands_for_names(name: str, pattern: str, *, fits: bool) -> None:
    assert is_named(name, (pattern,)) is fits


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_repo("o/r")
        yield hub


def unpacked(hub: FakeGitHub, data: bytes, *wanted: str, most: int = 100) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """What comes of an artifact, and the notes."""
    hub.repos["o/r"].runs[:] = [Run(5, "CI", "c" * 40, "main", artifacts=[Artifact(1, "junit", data)])]
    token = hub.add_token("ghs_reads_runs", actions="read")
    with GitHubForge(token, "o/r", api_url=hub.url) as forge:
        return dict(forge.runs.artifact(StoredArtifact(1, "junit", len(data)), wanted, most)), forge.notes


def test_of_an_artifact_only_what_matches_is_unpacked(hub: FakeGitHub) -> None:
    data = zipped({"junit.xml": b"<x/>", "secrets.env": b"no", "sub/TEST-a.xml": b"<y/>"})
    assert unpacked(hub, data, "*.xml") == ({"junit.xml": b"<x/>", "sub/TEST-a.xml": b"<y/>"}, ())
    assert not hub.storage.received[0].authorized


def test_a_file_of_an_artifact_that_is_too_large_is_left_out_with_a_note(hub: FakeGitHub) -> None:
    data = zipped({"a.xml": b"x" * 101, "b.xml": b"x" * 100})
    assert unpacked(hub, data, "*.xml") == (
        {"b.xml": b"x" * 100},
        ("a.xml was left out of an artifact: it is too large",),
    )


def test_too_many_files_of_an_artifact_are_cut_with_a_note(hub: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_artifacts, "MAX_FILES", 2)
    found, notes = unpacked(hub, zipped({f"{at}.xml": b"" for at in range(5)}), "*.xml")
    assert list(found) == ["0.xml", "1.xml"]
    assert notes == ("only 2 of 5 files that match were read from an artifact",)


def test_all_files_of_an_artifact_together_have_a_limit(hub: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_artifacts, "MAX_TOTAL", 150)
    found, notes = unpacked(hub, zipped({"a.xml": b"x" * 100, "b.xml": b"x" * 100, "c.xml": b"x"}), "*.xml")
    assert (list(found), len(notes)) == (["a.xml", "c.xml"], 1)


def test_a_broken_file_of_an_artifact_does_not_cost_the_others(hub: FakeGitHub) -> None:
    data = bytearray(zipped({"a.xml": b"a" * 50, "b.xml": b"b" * 50}, zipfile.ZIP_STORED))
    data[data.index(b"aaaa")] = 0
    found, notes = unpacked(hub, bytes(data), "*.xml")
    assert list(found) == ["b.xml"]
    assert notes == ("a.xml was left out of an artifact: it is not a zip file, or a broken one",)


def test_an_artifact_that_has_expired_or_is_no_zip_file_is_refused(hub: FakeGitHub) -> None:
    with pytest.raises(ForgeRefused, match="not a zip file"):
        unpacked(hub, b"<html>", "*.xml")
    hub.fail("GET", "/zip$", 410, {"message": "Artifact has expired"})
    with pytest.raises(ForgeRefused, match="Artifact has expired") as caught:
        unpacked(hub, b"", "*.xml")
    assert caught.value.status == 410
