import gzip
import io
import json
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cicd_agent.adapters.runner import log_file
from cicd_agent.app.console import Streams
from cicd_agent.app.main import run
from cicd_agent.cli.parser import parse

LOG = b"2024-01-01T00:00:00Z ##[group]Run make\n##[endgroup]\ncompiling\nsrc/a.c:1:2: error: unknown type name 'x'\n"


def extract(*arguments: str, variables: dict[str, str] | None = None) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = run(parse(["extract", *arguments]), variables or {}, Streams(out, err))
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "job.log"
    path.write_bytes(LOG)
    return path


def document(*arguments: str) -> Any:
    code, out, err = extract(*arguments, "--format", "json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_a_log_is_printed_with_its_problem_on_top(log: Path) -> None:
    code, out, err = extract(str(log))
    assert (code, err) == (0, "")
    assert "src/a.c:1:2: error: unknown type name 'x'" in out.splitlines()[2]
    assert "\x1b" not in out


def test_json_tells_lines_gaps_and_problems(log: Path) -> None:
    found = document(str(log), "--tokens", "30")
    assert found["total"] == 4
    assert found["bytes"] == len(LOG)
    assert sum(gap["last"] - gap["first"] + 1 for gap in found["elisions"]) + len(found["lines"]) == 4
    line = next(line for line in found["lines"] if line["number"] == 4)
    assert line["text"] == "src/a.c:1:2: error: unknown type name 'x'"
    assert (line["step"], line["times"]) == ("Run make", 1)
    assert found["problems"][0]["line"] == 4
    assert found["problems"][0]["frames"] == [{"path": "src/a.c", "line": 1}]


def test_a_compressed_log_is_read_member_by_member(tmp_path: Path, log: Path) -> None:
    packed = tmp_path / "job.log.gz"
    packed.write_bytes(gzip.compress(LOG[:30]) + gzip.compress(LOG[30:]))
    assert document(str(packed)) == document(str(log))


def test_the_standard_input_is_a_log_too(monkeypatch: pytest.MonkeyPatch, log: Path) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LOG)))
    assert document("-") == document(str(log))


def test_what_the_green_log_says_too_is_not_new(tmp_path: Path, log: Path) -> None:
    green = tmp_path / "green.log"
    green.write_bytes(LOG)
    assert [problem["novel"] for problem in document(str(log), "--green", str(green))["problems"]] == [False]


def test_on_a_runner_nothing_in_a_log_is_a_command(tmp_path: Path) -> None:
    hostile = tmp_path / "hostile.log"
    hostile.write_bytes(b"::error::fake\n##[set-output name=risk_level;]low\n  ::add-mask::x\nx ##[error]y\n" * 3)
    for form in ("text", "json"):
        _, out, _ = extract(str(hostile), "--format", form, variables={"GITHUB_ACTIONS": "true"})
        assert "##[" not in out
        assert not any(line.lstrip().startswith("::") for line in out.splitlines())


@pytest.mark.parametrize("raw", [b"", b"\n", b"\xff\xfe", b"caf\xe9 \x00\x01" + b"ok\n" * 30, b"no newline"])
def test_any_file_is_a_log(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(raw)
    code, out, err = extract(str(path))
    assert (code, err) == (0, "")
    assert out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.log"], "the log `missing.log` cannot be read (there is no such file)"),
        (["{folder}"], "cannot be read (it is not a regular file)"),
        (["{log}", "--green", "missing.log"], "the log `missing.log` cannot be read"),
        (["{log}", "--tokens", "0"], "--tokens 0 is out of range"),
        (["{broken}"], "it is packed by gzip and cut off"),
        (["{wrong}"], "it begins as gzip does, and is broken"),
        (["a\0b"], "cannot be read"),
        (["{program}"], "cannot be read (this is not text). Name the log as text"),
        (["{noise}"], "cannot be read (this is not text)"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path, log: Path, arguments: list[str], words: str) -> None:
    (tmp_path / "broken.gz").write_bytes(gzip.compress(LOG)[:-12])
    (tmp_path / "wrong.gz").write_bytes(b"\x1f\x8b" + b"x" * 50)
    (tmp_path / "program").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(60) + b"error: not found" * 4)
    (tmp_path / "noise").write_bytes(Random(1).randbytes(5_000))
    names = {name: tmp_path / name for name in ("program", "noise")} | {"folder": tmp_path, "log": log}
    names |= {"broken": tmp_path / "broken.gz", "wrong": tmp_path / "wrong.gz"}
    code, out, err = extract(*(argument.format(**names) for argument in arguments))
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert words in err


def test_a_log_of_windows_power_shell_is_text(tmp_path: Path) -> None:
    path = tmp_path / "job.log"
    path.write_bytes("\ufeffcompiling\r\nsrc/a.c:1:2: error: größer\r\n".encode("utf-16-le"))
    assert document(str(path))["problems"][0]["text"] == "src/a.c:1:2: error: größer"


def test_a_log_in_a_chinese_encoding_is_text(tmp_path: Path) -> None:
    path = tmp_path / "job.log"
    path.write_bytes("正在编译源文件并生成代码\n".encode("gbk") * 50)
    assert document(str(path))["total"] == 50


def test_a_log_of_a_job_that_passed_has_no_failure(tmp_path: Path) -> None:
    path = tmp_path / "job.log"
    path.write_bytes(LOG + b"Archiving artifacts\nFinished: SUCCESS\n")
    code, out, _ = extract(str(path))
    assert code == 0
    assert out.splitlines()[1] == "no failure in this log: its job passed, says line 6 (Finished: SUCCESS)"
    assert document(str(path))["passed"] == 6


def test_what_was_read_of_a_log_that_is_too_long_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_file, "MAX_BYTES", 100_000)
    path = tmp_path / "job.log.gz"
    path.write_bytes(gzip.compress(LOG + b"x" * 79 + b"\n" * 1_000_000))
    found = document(str(path))
    assert found["bytes"] == 100_000
    assert found["problems"][0]["line"] == 4
    assert found["notes"][-1] == "Only the first 100,000 bytes of the log were read: it is longer."


def test_a_log_is_read_for_so_long() -> None:
    limits: list[str] = []
    ticks = iter([0.0, 1.0, 239.0, 241.0])
    pieces = log_file.chunks("-", io.BytesIO(b"x\n" * 1_000_000), limits.append, lambda: next(ticks))
    assert sum(map(len, pieces)) == 3 * log_file.PIECE
    assert limits == ["Only the first 196,608 bytes of the log were read: no more are read in 240 seconds."]
