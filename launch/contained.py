"""Runs the agent in its container and judges what comes back: the step that holds what the container may not have.

Standard library only, by `python -I -S`. Whatever the container says is text of an enemy until it was checked.
"""

import errno
import os
import re
import secrets
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, cast

if not __package__:
    # Isolated, Python does not look where its script lies; at the end, so that nothing of ours stands for the library.
    sys.path.append(str(Path(__file__).resolve().parent.parent))

from launch.given import KEPT, Given, Job, Refused, discard, fetch, give
from launch.heard import Hearing
from launch.returned import (
    MOST_FILES,
    MOST_OUTPUT,
    MOST_STORED,
    Doubtful,
    Expected,
    consistent,
    content,
    outputs,
    summary,
    sweep,
)
from launch.runtime import DOCKERS
from launch.telling import append, inert, refuse, tell_outputs

GRACE_S = 5.0
"""Seconds that the agent has for its last words when somebody ends it; the runner gives us ten."""
STARTING_S = 90.0
MINUTES = 5.0
MOST_MINUTES = 360.0
PIECE = 65_536
NOT_STARTED = {125, 126, 127}
SIGNALLED, KILLED = 128, 137
CONFIG, BUDGET, BUG, CANCELLED = 2, 5, 70, 130


class Interrupted(Exception):
    """The runner wants this step to end."""


@dataclass(frozen=True)
class Ended:
    """How the container ended: `why` only where it did not end by itself."""

    code: int
    why: str = ""


def main(environ: Mapping[str, str]) -> int:
    """The step's exit code: the agent's own, or 70 when it cannot be believed."""
    mode, action = environ.get("INPUT_MODE", "").strip(), Path(__file__).resolve().parent.parent
    inputs, names = named(action)
    output = Path(environ["RUNNER_TEMP"]).absolute() / f"cicd-agent-{secrets.token_hex(8)}"
    output.mkdir(mode=0o700)
    try:
        given = give(Job(environ, action, output, inputs))
    except (Refused, OSError) as problem:
        discard(output)
        refuse(environ, inert(str(problem)), mode)
        return CONFIG
    # The client's own variables come last: it finds its way, whatever the agent is told.
    env = {**given.environ, **{key: value for key, value in environ.items() if key in DOCKERS}}
    command = ["docker", *given.command(environ.get("AGENT_IMAGE", ""), output.name, output, mode)]
    ended = run(command, env, output.name, seconds(environ.get("INPUT_TIMEOUT_MINUTES", "")))
    try:
        return take_back(environ, given, ended, Expected(mode, names, (output, *kept(given))), output)
    except (Doubtful, OSError) as doubt:
        discard(output)
        why = f"what the container left cannot be believed: {inert(str(doubt))}. Nothing of it was used."
        refuse(environ, why, mode, "is not believed")
        return BUG


def take_back(environ: Mapping[str, str], given: Given, ended: Ended, expected: Expected, output: Path) -> int:
    """Check and hand on what the container left; the exit code. Raises Doubtful, OSError."""
    swept = sweep(output, MOST_FILES, MOST_STORED) + sum(sweep(folder) for folder in kept(given))
    if swept:
        print(f"cicd-agent: removed {swept} links or special files that the container left", flush=True)
    if ended.why:
        refuse(environ, ended.why, expected.mode, "was ended")
        return ended.code
    values = outputs(content(output / "runner/output", MOST_OUTPUT, "its outputs"), expected)
    consistent(ended.code, values, expected.mode)
    page = summary(output / "runner/summary")
    fetch(given)
    append(environ, "GITHUB_STEP_SUMMARY", page)
    tell_outputs(environ, values)
    return ended.code


def kept(given: Given) -> tuple[Path, ...]:
    """The folders that the agent keeps between runs."""
    writable = {str(mount.target) for mount in given.mounts if mount.writable}
    return tuple(Path(given.environ[name]) for name in KEPT if given.environ.get(name) in writable)


def run(command: Sequence[str], env: Mapping[str, str], name: str, limit: float) -> Ended:
    """Run the container to its end, or end it: after `limit` seconds, or when the runner says so."""
    process: subprocess.Popen[bytes] | None = None
    hearing, cut = Hearing(), Ended(0)
    try:
        with interruptible():
            process = subprocess.Popen(
                command,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C is ours to answer
            )
            if not listen(process, hearing, time.monotonic() + limit):
                why = f"the container ran longer than {limit:.0f} s, and was ended. Raise `timeout-minutes`."
                cut = Ended(BUDGET, why)
    except Interrupted:
        cut = Ended(CANCELLED, "the run was cancelled before its end.")
    except OSError as error:
        why = "its variables are too long together" if error.errno == errno.E2BIG else inert(str(error))
        return Ended(CONFIG, f"Docker could not be started ({why}). Say `runtime: host`.")
    if process and cut.why:
        end(process, hearing, env, name, patient=cut.code == CANCELLED)
    say(hearing.end())
    status = 0
    if process:
        status = process.wait()
        cast("IO[bytes]", process.stdout).close()
    # Whatever became of the client, nobody may write any more when we look at what is there.
    docker(env, "rm", "--force", name)
    return cut if cut.why else ending(status)


def ending(status: int) -> Ended:
    """What the client's exit code means."""
    if status in NOT_STARTED:
        why = f"Docker could not start the container (exit {status}; the log says why)"
        return Ended(CONFIG, f"{why}. Say `runtime: host`.")
    if status < 0 or (status > SIGNALLED and status != CANCELLED):
        cause = "as happens when it needs more than its memory" if status == KILLED else "by a signal"
        why = f"the container was killed, {cause} (exit {status})"
        return Ended(BUG, f"{why}. Say `runtime: host`, or make the change smaller.")
    return Ended(status)


def listen(process: subprocess.Popen[bytes], hearing: Hearing, until: float) -> bool:
    """Pass the log on, up to its end or a point in time; whether it ended."""
    pipe = cast("IO[bytes]", process.stdout)
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while (left := until - time.monotonic()) > 0:
            if not selector.select(left):
                continue
            piece = os.read(pipe.fileno(), PIECE)
            if not piece:
                return True
            say(hearing.feed(piece))
    return False


def say(lines: Iterable[str]) -> None:
    """Print lines, whatever the machine's own encoding is."""
    sys.stdout.flush()
    for line in lines:
        sys.stdout.buffer.write(f"{line}\n".encode())
    sys.stdout.buffer.flush()


def end(
    process: subprocess.Popen[bytes], hearing: Hearing, env: Mapping[str, str], name: str, *, patient: bool
) -> None:
    """End the container, at once or after its last words."""
    if patient and docker(env, "kill", "--signal=TERM", name):
        listen(process, hearing, time.monotonic() + GRACE_S)
    docker(env, "kill", name)
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()


def docker(env: Mapping[str, str], *arguments: str) -> bool:
    """Tell Docker something; whether it did that."""
    own = {key: value for key, value in env.items() if key in DOCKERS}
    try:
        return not subprocess.run(
            ["docker", *arguments],
            env=own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=2 * GRACE_S,
            check=False,
        ).returncode
    except (OSError, subprocess.TimeoutExpired):
        return False


@contextmanager
def interruptible() -> Iterator[None]:
    """The runner's signals end what goes on inside; afterwards they are ignored, for what follows is short."""
    both = (signal.SIGINT, signal.SIGTERM)

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        for each in both:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted

    for each in both:
        signal.signal(each, interrupt)
    try:
        yield
    finally:
        for each in both:
            signal.signal(each, signal.SIG_IGN)


def seconds(minutes: str) -> float:
    """A little more than the agent gives itself. What is no number, the agent will complain of."""
    plain = re.fullmatch(r"[0-9]{1,6}(?:\.[0-9]+)?", minutes.strip())
    return min(float(minutes) if plain else MINUTES, MOST_MINUTES) * 60 + STARTING_S


def named(folder: Path) -> tuple[frozenset[str], frozenset[str]]:
    """The variables of the inputs and the names of the outputs of our actions: a step may be any of them."""
    paths = sorted((folder / "action.yml", *folder.glob("*/action.yml")))
    inputs, names = zip(*(declared(path.read_text("utf-8")) for path in paths), strict=True)
    return frozenset[str]().union(*inputs), frozenset[str]().union(*names)


def declared(action: str) -> tuple[frozenset[str], frozenset[str]]:
    """The variables of the inputs and the names of the outputs that action.yml declares."""
    before, _, rest = action.partition("\noutputs:\n")
    inputs = re.findall(r"^  ([a-z][a-z0-9-]*):$", before.partition("\ninputs:\n")[2], re.MULTILINE)
    names = re.findall(r"^  ([a-z][a-z0-9_]*):$", rest.partition("\nruns:\n")[0], re.MULTILINE)
    return frozenset(f"INPUT_{name.upper().replace('-', '_')}" for name in inputs), frozenset(names)


if __name__ == "__main__":
    sys.exit(main(os.environ))
