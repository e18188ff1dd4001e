"""Tries a proposed patch: may it be offered, does it apply and parse, does the failed command turn green with it."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeVar

from cicd_agent.adapters.files import read_regular
from cicd_agent.analysis.patches.apply import Texts, apply
from cicd_agent.analysis.patches.edit import PATTERNS
from cicd_agent.analysis.patches.limits import objection
from cicd_agent.analysis.patches.parser import Flaw, Patch, read_patch
from cicd_agent.analysis.patches.same_failure import Output, remaining
from cicd_agent.analysis.patches.writer import written
from cicd_agent.domain.ports.actions import PatchTester
from cicd_agent.domain.ports.forge import Library
from cicd_agent.domain.repository.library import EntryKind, Unreadable
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.trials.patch_trial import Step, Trial, TrialReport
from cicd_agent.domain.trials.sandbox import Limits, Ran, Sandbox, SandboxUnavailable
from cicd_agent.errors import ConfigError

MAX_BYTES = 500_000
"""Bytes of a file that a patch may be about."""
MIN_RUN_SECONDS = 5.0
"""Seconds below which nothing is started any more."""

_NOT_STARTED = frozenset({126, 127})
_QUOTED = 200
_AROUND = 20
"""Lines before and after a quoted one: a secret may begin above it."""
_COLOURS = re.compile(r"\x1b\[[0-9;:]*[A-Za-z]")
_REMEDIES = (
    ("Install what it needs in a step before, since the sandbox has no network; or", "lacks-network"),
    ("Install what is missing in a step before, in the same job; or", "lacks-program"),
)
"""What can be done, by the pattern of the error that calls for it."""
# Takes files away, writes over those that can be run, since a new file would not have their mode, becomes the command.
_PREPARE = """
set -e
while [ "$1" != -- ]; do rm -f -- "$1"; shift; done
shift
while [ $# -gt 0 ]; do cat -- "$1" >"$2"; rm -- "$1"; shift 2; done
exec /bin/sh -c "$0"
"""


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


class _Rejected(Exception):
    """Leads out of a trial that has come to its end."""

    def __init__(self, step: Step, detail: str) -> None:
        super().__init__(detail)
        self.step, self.detail = step, detail


class _OutOfTime(Exception):
    """Leads out of a trial for which no time is left."""


class LocalPatchTester(PatchTester):
    """Tries patches of one commit; commands run on copies of the working tree at `top`, where nothing is written.

    `library` has the commit's files, `verify` is the command that failed, for `/bin/sh -c` ("": nothing is run),
    `parsers` say by suffix whether a text parses, `denied` are the paths that models may not see, and `redact` takes
    secrets out of what is quoted of a command's output.
    """

    def __init__(
        self,
        top: Path,
        library: Library,
        verify: str,
        surroundings: Surroundings,
        *,
        parsers: Mapping[str, Callable[[str], bool]],
        denied: Callable[[str], bool],
        redact: Callable[[str], str],
    ) -> None:
        self._top = top.resolve()
        self._library = library
        self._verify = verify
        self._around = surroundings
        self._parsers = parsers
        self._denied = denied
        self._redact = redact
        self._ends = surroundings.clock() + surroundings.seconds
        self._unpatched: tuple[Ran, Output] | None = None
        self._loopback = True

    def attempt(self, trial: Trial) -> TrialReport:
        """As the port says. It never raises for what a patch or a command does."""
        try:
            patch = _sound(read_patch(trial.patch))
            before = _sound(self._committed(patch))
            if reason := objection(patch, before, self._denied):
                return TrialReport(trial.key, Step.REFUSED, f"it {reason}")
            applied = _sound(apply(patch, before))
            if path := self._unparsed(before, applied):
                return TrialReport(trial.key, Step.DOES_NOT_PARSE, f"{path} would not parse with it")
            report = TrialReport(trial.key, Step.APPLIES, patch=written(before, applied), paths=tuple(applied))
            return self._run(report, patch, trial)
        except _Rejected as rejected:
            return TrialReport(trial.key, rejected.step, rejected.detail)

    def _committed(self, patch: Patch) -> Texts | Flaw:
        """The texts at the commit."""
        try:
            entries = self._library.entries
            present = [entries[path] for path in patch.paths if path in entries]
            for path in patch.paths:
                if any(parent.as_posix() in entries for parent in PurePosixPath(path).parents):
                    return Flaw(f"names {path}, which lies below what is no directory", forbidden=True)
            for entry in present:
                if entry.kind is not EntryKind.FILE:
                    return Flaw(f"is about {entry.path}, which is a {entry.kind}", forbidden=True)
                if entry.size > MAX_BYTES:
                    return Flaw(f"is about {entry.path}, which is larger than {MAX_BYTES:,} bytes")
            contents = self._library.contents(present)
        except Unreadable as error:
            return Flaw(f"is about files that cannot be read: {error}")
        texts: dict[str, str | None] = dict.fromkeys(patch.paths)
        for entry, content in zip(present, contents, strict=True):
            texts[entry.path] = _decoded(content)
            if texts[entry.path] is None:
                return Flaw(f"is about {entry.path}, which is no text")
        return texts

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

    def _run(self, report: TrialReport, patch: Patch, trial: Trial) -> TrialReport:
        """The report with what the command shows."""
        if not self._verify:
            return replace(report, detail="it was not run: there is no `verify-command`")
        try:
            tree = self._working_tree(patch)
            applied = tree if isinstance(tree, Flaw) else apply(patch, tree)
            if isinstance(applied, Flaw):
                where = "to the working tree, where it would be tried"
                raise _Rejected(Step.DOES_NOT_APPLY, f"it does not apply {where}: it {applied.reason}")
            return self._compare(report, applied, trial)
        except _OutOfTime:
            return replace(report, detail="it was not run: no time was left")
        except ConfigError as error:
            return replace(report, detail=f"it was not run: {self._redact(str(error))}")
        except OSError as error:
            return replace(report, detail=f"it was not run: {error.strerror}")

    def _working_tree(self, patch: Patch) -> Texts | Flaw:
        """The texts in the working tree, which may be another commit: that of a merge, or one with changes."""
        texts: dict[str, str | None] = {}
        for path in patch.paths:
            location = self._top / path
            if location.parent.exists() and location.parent.resolve() != location.parent:
                return Flaw(f"is about {path}, which a link leads to")
            texts[path] = None
            if os.path.lexists(location):
                try:
                    content = read_regular(location, MAX_BYTES + 1)
                except (OSError, ValueError):
                    content = b"\0"
                text = _decoded(content) if len(content) <= MAX_BYTES else None
                if text is None:
                    return Flaw(f"is about {path}, which is no text that can be read")
                texts[path] = text
        return texts

    def _compare(self, report: TrialReport, applied: Texts, trial: Trial) -> TrialReport:
        if self._unpatched is None:
            ran = self._sandboxed(["/bin/sh", "-c", self._verify], {})
            self._unpatched = ran, _output(ran)
        red, before = self._unpatched
        if red.stopped:
            return self._untried(report, "without it the command was ended", red, before)
        if not red.exit_code:
            return replace(report, step=Step.NOT_RED, detail="the command passes without it", sandbox=red.tier)
        fixed = [failure for failure in trial.fixes if before.shows(failure)]
        if not fixed:
            if red.exit_code in _NOT_STARTED:
                what = "it was not run: the command cannot be started here"
                return replace(self._untried(report, what, red, before), step=Step.APPLIES)
            how = "does not fail as the run did" if trial.fixes else "fails, and nothing is known of how the run did"
            return self._untried(report, f"without it the command {how}", red, before)
        return self._with_patch(report, applied, trial, (red, before))

    def _with_patch(
        self, report: TrialReport, applied: Texts, trial: Trial, unpatched: tuple[Ran, Output]
    ) -> TrialReport:
        """The report of a patch without which the command fails as the run did."""
        red, before = unpatched
        green = self._patched(applied)
        if not green.stopped and not green.exit_code:
            detail = "the command fails without it and passes with it"
            return replace(report, step=Step.VERIFIED, detail=detail, sandbox=green.tier)
        after = _output(green)
        others = remaining(before, after, trial.fixes) if green.exit_code == red.exit_code else ()
        if others and not green.stopped:
            still = f"{count(len(others), 'test')} {'fails' if len(others) == 1 else 'fail'} here with and without it"
            what = f"the failure that it is for is gone; {still}"
            return self._report(report, Step.PARTLY_VERIFIED, what, green, after)
        what = "with it the command was ended" if green.stopped else "the command still fails with it"
        return self._report(report, Step.NOT_GREEN, what, green, after)

    def _report(self, report: TrialReport, step: Step, what: str, ran: Ran, output: Output) -> TrialReport:
        """A report with how a command ended, and the line that says why."""
        how = f"by its limit of {ran.stopped.value}" if ran.stopped else f"exit {ran.exit_code}"
        error = self._error(output)
        return replace(report, step=step, detail=f"{what} ({how}){f': {error}' if error else ''}", sandbox=ran.tier)

    def _untried(self, report: TrialReport, what: str, ran: Ran, output: Output) -> TrialReport:
        """A report that the patch cannot be tried here, and what to do about that."""
        error = self._error(output)
        lacking = next((lack for lack, words in _REMEDIES if PATTERNS[words].search(error)), "")
        if not lacking and not self._loopback and PATTERNS["lacks-loopback"].search(error):
            lacking = f"Install bubblewrap, since the sandbox of this machine ({ran.tier}) has no loopback; or"
        command = visible_line(clip(self._redact(self._verify), _QUOTED))
        remedy = f"{lacking or 'To try it,'} run `{command}` by hand with the patch"
        return replace(self._report(report, Step.CANNOT_BE_TRIED, what, ran, output), remedy=remedy)

    def _error(self, output: Output) -> str:
        """The line that says best why a command fails, fit to be quoted; it proves nothing."""
        at = output.error()
        line = self._redact(output.lines[at]) if at >= 0 else ""
        # What is a secret only together with lines beside it is not quoted.
        around = self._redact("\n".join(output.lines[max(0, at - _AROUND) : at + _AROUND + 1])).split("\n")
        return visible_line(line.removeprefix("E  ").strip())[:_QUOTED] if line in around else ""

    def _patched(self, texts: Texts) -> Ran:
        gone = [path for path, text in texts.items() if text is None]
        files = {path: text.encode() for path, text in texts.items() if text is not None}
        run = [path for path in files if (self._top / path).is_file() and (self._top / path).stat().st_mode & 0o111]
        if not gone and not run:
            return self._sandboxed(["/bin/sh", "-c", self._verify], files)
        side = {path: f".cicd-agent-patched-{number}" for number, path in enumerate(run)}
        moved = [name for path, aside in side.items() for name in (aside, f"./{path}")]
        files = {side.get(path, path): content for path, content in files.items()}
        command = ["/bin/sh", "-c", _PREPARE, self._verify, *(f"./{path}" for path in gone), "--", *moved]
        return self._sandboxed(command, files)

    def _sandboxed(self, command: Sequence[str], files: Mapping[str, bytes]) -> Ran:
        around = self._around
        left = self._ends - around.clock()
        if left < MIN_RUN_SECONDS:
            raise _OutOfTime
        run = partial(
            around.sandbox.run,
            command,
            self._top,
            limits=replace(around.limits, wall_seconds=min(around.limits.wall_seconds, left)),
            files=files,
            readable=around.readable,
            environment=around.environment,
        )
        if self._loopback:
            try:
                return run(loopback=True)
            except SandboxUnavailable:
                # One without serves most commands: what needs a loopback fails in it, and is said to.
                self._loopback = False
        return run()


T = TypeVar("T", Patch, Texts)


def _sound(result: T | Flaw) -> T:
    if isinstance(result, Flaw):
        raise _Rejected(Step.REFUSED if result.forbidden else Step.DOES_NOT_APPLY, f"it {result.reason}")
    return result


def _output(ran: Ran) -> Output:
    """What a command has printed, on both of its channels."""
    texts = (_COLOURS.sub("", text.decode("utf-8", "replace").rstrip()) for text in (ran.stdout, ran.stderr))
    return Output.read("\n".join(filter(None, texts)))


def _decoded(content: bytes) -> str | None:
    """None for what is no text."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
