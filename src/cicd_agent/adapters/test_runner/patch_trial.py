"""Tries a proposed patch: may it be offered, does it apply and parse, does the failed command turn green with it."""

import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from cicd_agent.analysis.patches.apply import Texts, apply
from cicd_agent.analysis.patches.limits import objection
from cicd_agent.analysis.patches.parser import Flaw, Patch, read_patch
from cicd_agent.analysis.patches.writer import written
from cicd_agent.domain.ports.actions import PatchTester
from cicd_agent.domain.ports.forge import Library
from cicd_agent.domain.repository.library import EntryKind, Unreadable
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.trials.patch_trial import Step, Trial, TrialReport
from cicd_agent.domain.trials.sandbox import Limits, Ran, Sandbox
from cicd_agent.errors import ConfigError

MAX_BYTES = 500_000
"""Bytes of a file that a patch may be about."""
MIN_RUN_SECONDS = 5.0
"""Seconds below which nothing is started any more."""

_NOT_STARTED = frozenset({126, 127})
_TAIL = 200
_TURNED = "the command fails without it and passes with it"
_COLOURS = re.compile(r"\x1b\[[0-9;:]*[A-Za-z]")
# Takes files away, writes over those that can be run, since a new file would not have their mode, becomes the command.
_PREPARE = """
set -e
while [ "$1" != -- ]; do rm -f -- "$1"; shift; done
shift
while [ $# -gt 0 ]; do cat -- "$1" >"$2"; rm -- "$1"; shift 2; done
exec /bin/sh -c "$0"
"""


def _nothing(_: bytes) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True, slots=True)
class Commands:
    """What is run, each by `/bin/sh -c`; "" is nothing.

    `verify` is the command that failed. `wider` must not fail where it passed: `failing` names the failing tests in its
    output, as far as it can.
    """

    verify: str = ""
    wider: str = ""
    failing: Callable[[bytes], frozenset[str]] = _nothing


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a command runs in: `readable` directories and `environment` beside the sandbox's own.

    `seconds` are for all trials together, by `clock`.
    """

    sandbox: Sandbox
    clock: Callable[[], float]
    limits: Limits = field(default_factory=Limits)
    seconds: float = 300.0
    readable: tuple[Path, ...] = ()
    environment: Mapping[str, str] | None = None


class LocalPatchTester(PatchTester):
    """Tries patches of one commit; commands run on copies of the working tree at `top`, where nothing is written.

    `library` has the commit's files, `parsers` say by suffix whether a text parses, `denied` are the paths that are
    kept from models, and `redact` takes secrets out of what is quoted of a command's output.
    """

    def __init__(
        self,
        top: Path,
        library: Library,
        commands: Commands,
        surroundings: Surroundings,
        *,
        parsers: Mapping[str, Callable[[str], bool]],
        denied: Callable[[str], bool],
        redact: Callable[[str], str],
    ) -> None:
        self._top = top.resolve()
        self._library = library
        self._commands = commands
        self._around = surroundings
        self._parsers = parsers
        self._denied = denied
        self._redact = redact
        self._ends = surroundings.clock() + surroundings.seconds
        self._before: dict[str, Ran] = {}

    def attempt(self, trial: Trial) -> TrialReport:
        """As the port says. It never raises for what a patch or a command does."""
        patch = read_patch(trial.patch)
        if isinstance(patch, Flaw):
            step = Step.REFUSED if patch.forbidden else Step.DOES_NOT_APPLY
            return TrialReport(trial.key, step, f"it {patch.reason}")
        before = self._committed(patch)
        if isinstance(before, Flaw):
            step = Step.REFUSED if before.forbidden else Step.DOES_NOT_APPLY
            return TrialReport(trial.key, step, f"it {before.reason}")
        if reason := objection(patch, before, self._denied):
            return TrialReport(trial.key, Step.REFUSED, f"it {reason}")
        applied = apply(patch, before)
        if isinstance(applied, Flaw):
            return TrialReport(trial.key, Step.DOES_NOT_APPLY, f"it {applied.reason}")
        if reason := self._unparsed(before, applied):
            return TrialReport(trial.key, Step.DOES_NOT_PARSE, f"{reason} would not parse with it")
        report = TrialReport(trial.key, Step.APPLIES, patch=written(before, applied), paths=tuple(applied))
        return self._run(report, patch)

    def _committed(self, patch: Patch) -> Texts | Flaw:
        """The texts at the commit."""
        try:
            entries = self._library.entries
            results = [entries[path] for path in patch.paths if path in entries]
            for path in patch.paths:
                if any(parent.as_posix() in entries for parent in PurePosixPath(path).parents):
                    return Flaw(f"names {path}, which lies below what is no directory", forbidden=True)
            for entry in results:
                if entry.kind is not EntryKind.FILE:
                    return Flaw(f"is about {entry.path}, which is a {entry.kind}", forbidden=True)
                if entry.size > MAX_BYTES:
                    return Flaw(f"is about {entry.path}, which is larger than {MAX_BYTES:,} bytes")
            contents = self._library.contents(results)
        except Unreadable as error:
            return Flaw(f"is about files that cannot be read: {error}")
        texts = dict.fromkeys(patch.paths, None) | dict(
            zip((entry.path for entry in results), map(_decoded, contents), strict=True)
        )
        unread = [entry.path for entry in results if texts[entry.path] is None]
        return Flaw(f"is about {unread[0]}, which is no text") if unread else texts

    def _unparsed(self, before: Texts, after: Texts) -> str:
        """The first file that does not parse any more, "" when there is none; what never parsed may stay like that."""
        for path, text in after.items():
            parses = self._parsers.get(PurePosixPath(path).suffix.lower())
            if parses is None or text is None or parses(text):
                continue
            old = before.get(path)
            if old is None or path.endswith(".py") or parses(old):
                return path
        return ""

    def _run(self, report: TrialReport, patch: Patch) -> TrialReport:
        """The report with what the commands show."""
        if not self._commands.verify:
            return replace(report, detail="it was not run: there is no `verify-command`")
        try:
            tree = self._standing(patch)
            applied = tree if isinstance(tree, Flaw) else apply(patch, tree)
            if isinstance(applied, Flaw):
                where = "to the working tree, where it would be tried"
                return TrialReport(report.key, Step.DOES_NOT_APPLY, f"it does not apply {where}: it {applied.reason}")
            return self._compared(report, applied)
        except _OutOfTime:
            return replace(report, detail="it was not run: no time was left")
        except ConfigError as error:
            return replace(report, detail=f"it was not run: {self._redact(str(error))}")
        except OSError as error:
            return replace(report, detail=f"it was not run: {error.strerror}")

    def _standing(self, patch: Patch) -> Texts | Flaw:
        """The texts in the working tree, which may be another commit: that of a merge, or one with changes."""
        texts: dict[str, str | None] = {}
        for path in patch.paths:
            location = self._top / path
            if location.parent.exists() and location.parent.resolve() != location.parent:
                return Flaw(f"is about {path}, which a link leads to")
            texts[path] = None
            if os.path.lexists(location):
                text = _decoded(_content(location))
                if text is None:
                    return Flaw(f"is about {path}, which is no text that can be read")
                texts[path] = text
        return texts

    def _compared(self, report: TrialReport, applied: Texts) -> TrialReport:
        red = self._unpatched(self._commands.verify)
        if red.stopped:
            return self._report(report, Step.NOT_RED, "without it the command was ended", red)
        if red.exit_code in _NOT_STARTED:
            return self._report(report, Step.APPLIES, "it was not run: the command cannot be started here", red)
        if not red.exit_code:
            return replace(report, step=Step.NOT_RED, detail="the command passes without it", sandbox=red.tier)
        green = self._patched(self._commands.verify, applied)
        if green.stopped or green.exit_code:
            what = "with it the command was ended" if green.stopped else "the command still fails with it"
            return self._report(report, Step.NOT_GREEN, what, green)
        report = replace(report, step=Step.VERIFIED, detail=_TURNED, sandbox=green.tier)
        return self._wider(report, applied) if self._commands.wider else report

    def _wider(self, report: TrialReport, texts: Texts) -> TrialReport:
        """Whether what was not broken is still not."""
        was, now = self._unpatched(self._commands.wider), self._patched(self._commands.wider, texts)
        before, after = (self._commands.failing(ran.stdout + b"\n" + ran.stderr) for ran in (was, now))
        fresh = sorted(after - before)
        if not (now.exit_code or now.stopped):
            return replace(report, detail=f"{_TURNED}, and so do all tests")
        if not (was.exit_code or was.stopped):
            return self._report(report, Step.REDDER, "the wider tests pass without it and fail with it", now)
        if before and fresh:
            name = visible_line(self._redact(fresh[0]))[:_TAIL]
            return replace(
                report, step=Step.REDDER, detail=f"{len(fresh)} of the wider tests fail only with it: {name}"
            )
        if before and after and not (was.stopped or now.stopped):
            return replace(report, detail=f"{_TURNED}, and no other test fails that did not before")
        detail = "the command passes with it; wider tests fail with and without it, and it cannot be told which"
        return replace(report, step=Step.APPLIES, detail=detail)

    def _report(self, report: TrialReport, step: Step, what: str, ran: Ran) -> TrialReport:
        """A report with how a command ended, and the last that it said: nothing of that is to be believed."""
        how = f"by its limit of {ran.stopped.value}" if ran.stopped else f"exit {ran.exit_code}"
        text = (ran.stderr.strip() or ran.stdout.strip())[-10_000:].decode("utf-8", "replace")
        last = (self._redact(_COLOURS.sub("", text)).splitlines() or [""])[-1]
        last = visible_line(last)[:_TAIL]
        return replace(report, step=step, detail=f"{what} ({how}){f': {last}' if last else ''}", sandbox=ran.tier)

    def _unpatched(self, command: str) -> Ran:
        if command not in self._before:
            self._before[command] = self._sandboxed(["/bin/sh", "-c", command], {})
        return self._before[command]

    def _patched(self, command: str, texts: Texts) -> Ran:
        gone = [path for path, text in texts.items() if text is None]
        files = {path: text.encode() for path, text in texts.items() if text is not None}
        run = [path for path in files if (self._top / path).is_file() and (self._top / path).stat().st_mode & 0o111]
        if not gone and not run:
            return self._sandboxed(["/bin/sh", "-c", command], files)
        side = {path: f".cicd-agent-patched-{number}" for number, path in enumerate(run)}
        moved = [name for path, aside in side.items() for name in (aside, f"./{path}")]
        files = {side.get(path, path): content for path, content in files.items()}
        return self._sandboxed(
            ["/bin/sh", "-c", _PREPARE, command, *(f"./{path}" for path in gone), "--", *moved], files
        )

    def _sandboxed(self, command: Sequence[str], files: Mapping[str, bytes]) -> Ran:
        around = self._around
        left = self._ends - around.clock()
        if left < MIN_RUN_SECONDS:
            raise _OutOfTime
        return around.sandbox.run(
            command,
            self._top,
            limits=replace(around.limits, wall_seconds=min(around.limits.wall_seconds, left)),
            files=files,
            readable=around.readable,
            environment=around.environment,
        )


class _OutOfTime(Exception):
    """Leads out of a trial for which no time is left."""


def _decoded(content: bytes) -> str | None:
    """None for what is no text."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _content(path: Path) -> bytes:
    """A regular file; what cannot be read, or is too large, is no text either."""
    try:
        # A link is not followed, and nobody waits for a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b"\0"
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b"\0"
        content = file.read(MAX_BYTES + 1)
    return content if len(content) <= MAX_BYTES else b"\0"
