"""What a container is given: variables by name, folders by mount, files as copies, and nothing else of the job."""

import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from launch.returned import Doubtful, content
from launch.runtime import NETWORK, NETWORK_NAME, PROXIES

USER = (10001, 10001)
"""Who the agent is where the runner is root."""
MEMORY = "2g"
PROCESSES = 256
SCRATCH = "1g"
MOST_HANDED = 256_000_000
"""Bytes of evidence or of a decision; the agent reads no larger ones."""

GITHUB = {
    *("GITHUB_ACTIONS", "GITHUB_ACTOR", "GITHUB_API_URL", "GITHUB_BASE_REF", "GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH"),
    *("GITHUB_HEAD_REF", "GITHUB_REF", "GITHUB_REPOSITORY", "GITHUB_RUN_ATTEMPT", "GITHUB_RUN_ID"),
    *("GITHUB_SERVER_URL", "GITHUB_SHA", "GITHUB_WORKFLOW", "GITHUB_WORKFLOW_REF", "GITHUB_WORKSPACE"),
}
CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR")
NAMED = {*GITHUB, *CERTIFICATES, *PROXIES, "no_proxy", "NO_PROXY", "RUNNER_DEBUG", "NO_COLOR", "TRACEPARENT"} | {
    *("DATABASE_URL", "REDIS_URL"),
}
PREFIXES = ("OTEL_", "OPENAI_")
TOKENS = ("GITHUB_TOKEN", "GH_TOKEN")
"""Only where the input `github-token` is empty: they stand in for it."""
WITHHELD = {"INPUT_INDEX_URL", "INPUT_RUNTIME", "INPUT_MODE"}
"""Used up by the launcher; an index may have a password in its address."""

KEPT = {"INPUT_CACHE_DIR": "cache-dir", "INPUT_STATE_DIR": "state-dir"}
HANDED = {"INPUT_EVIDENCE_FILE": "evidence-file", "INPUT_DECISION_FILE": "decision-file"}
WRITTEN = {
    "gather": ("INPUT_EVIDENCE_FILE",),
    "ask": ("INPUT_EVIDENCE_FILE",),
    "try": ("INPUT_DECISION_FILE",),
}
"""Which of them a stage writes; the others are only read."""

# Nobody's folder for an agent to write to; and what lies over these in the image is what it consists of.
SYSTEM = tuple(
    Path(place)
    for place in (
        *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr"),
        *("/var/run", "/var/lib/docker", "/opt/cicd-agent"),
    )
)


class Refused(Exception):
    """What cannot be given to a container, and what to do about it, in one line."""


@dataclass(frozen=True)
class Mount:
    """A folder or file of this machine at a path in the container."""

    source: Path
    target: Path
    writable: bool = False

    def __str__(self) -> str:
        """As `docker run --mount` takes it, which reads it as a line of CSV."""
        parts = [
            "type=bind",
            f"source={self.source}",
            f"target={self.target}",
            *([] if self.writable else ["readonly"]),
        ]
        return ",".join(f'"{part.replace(chr(34), chr(34) * 2)}"' if set(part) & set(',"') else part for part in parts)


@dataclass(frozen=True)
class Given:
    """All that goes in. `environ` is handed over by name, so that no value stands on a command line.

    `fetched` are the files that come back: where the container writes each, and where it belongs.
    """

    mounts: tuple[Mount, ...]
    environ: Mapping[str, str]
    fetched: Mapping[Path, Path]
    user: tuple[int, int]
    network: str = ""

    def command(self, image: str, name: str, workdir: Path, mode: str) -> list[str]:
        """The arguments of `docker`. Nothing in them is a secret: command lines are public on the machine."""
        scratch = f"/tmp:rw,nosuid,nodev,noexec,mode=1777,size={SCRATCH}"  # noqa: S108  it is the container's own
        return [
            *("run", "--rm", f"--name={name}", "--pull=never", "--init", "--log-driver=none"),
            *("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
            *(f"--user={self.user[0]}:{self.user[1]}", f"--memory={MEMORY}", f"--memory-swap={MEMORY}"),
            *(f"--pids-limit={PROCESSES}", "--ulimit=core=0", "--tmpfs", scratch),
            *([f"--network={self.network}"] if self.network else []),
            f"--workdir={workdir}",
            *(part for mount in self.mounts for part in ("--mount", str(mount))),
            *("--env", "HOME=/tmp", "--env", "TMPDIR=/tmp"),
            *(part for each in sorted(self.environ) for part in ("--env", each)),
            *(image, re.sub("^-", " -", mode)),
        ]


@dataclass(frozen=True)
class Job:
    """What the step finds around it. `names` are the inputs that action.yml declares, as their variables."""

    environ: Mapping[str, str]
    action: Path
    output: Path
    names: frozenset[str]
    ids: tuple[int, int] = field(default_factory=lambda: (os.getuid(), os.getgid()))

    def path(self, name: str) -> Path | None:
        """Where a variable points to, from where the agent would run; None when it points nowhere."""
        value = self.environ.get(name, "").strip()
        if not value:
            return None
        if not value.isprintable():
            raise Refused(f"{spelt(name)} is not a path. Give the path of a file or folder.")
        if value == "~" or value.startswith("~/"):
            value = self.environ.get("HOME", "") + value[1:]
        return Path(os.path.normpath(Path(self.environ["RUNNER_TEMP"]).absolute() / value))

    @property
    def user(self) -> tuple[int, int]:
        """As whom the agent runs."""
        return self.ids if self.ids[0] else USER


def give(job: Job) -> Given:
    """What goes in, with folders made where they are not there yet. Raises Refused, OSError."""
    environ = {name: value for name, value in job.environ.items() if value and passes(name, job)}
    mounts = [Mount(job.output, job.output, writable=True), *around(job)]
    for name, spoken in KEPT.items():
        path = job.path(name)
        if path is None or (name == "INPUT_STATE_DIR" and job.environ[name].strip().lower() == "off"):
            continue
        mounts.append(folder(path, spoken, job))
        environ[name] = str(path)
        own(path, job)
    if (path := job.path("INPUT_METRICS_FILE")) is not None:
        # It is replaced at once, for which its folder is needed; runs of other jobs hold a lock beside it.
        mounts.append(folder(path.parent, "the folder of `metrics-file`", job))
        environ["INPUT_METRICS_FILE"] = str(path)
    fetched = dict(handed(job, environ))
    environ |= {
        "RUNNER_TEMP": str(job.output),
        "GITHUB_OUTPUT": str(job.output / "runner/output"),
        "GITHUB_STEP_SUMMARY": str(job.output / "runner/summary"),
    }
    (job.output / "runner").mkdir()
    own(job.output, job)
    network = job.environ.get(NETWORK, "")
    if network and not NETWORK_NAME.fullmatch(network):
        raise Refused(f"{NETWORK} is not the name of a network. Name one that `docker network ls` shows.")
    unique = {mount.target: mount for mount in mounts}
    return Given(tuple(unique.values()), environ, fetched, job.user, network)


def passes(name: str, job: Job) -> bool:
    """Whether a variable goes in."""
    if name in TOKENS:
        return not job.environ.get("INPUT_GITHUB_TOKEN", "").strip()
    if name.startswith("OPENAI_IDENTITY_"):
        return False
    return name in NAMED or name.startswith(PREFIXES) or (name in job.names and name not in WITHHELD)


def around(job: Job) -> Iterator[Mount]:
    """The workspace, the event and whom to trust: to be read, not to be changed."""
    workspace = Path(job.environ.get("GITHUB_WORKSPACE", ""))
    if not (workspace.is_absolute() and workspace.is_dir()):
        raise Refused("there is no workspace (GITHUB_WORKSPACE). Run in a job of GitHub Actions.")
    real = workspace.resolve()
    for private in (job.environ["RUNNER_TEMP"], job.environ.get("HOME", "") or "/root", "/run", "/etc"):
        if Path(private).resolve().is_relative_to(real):
            raise Refused(
                f"the workspace {workspace} holds {private}, which no container may see. Say `runtime: host`."
            )
    yield Mount(real, workspace)
    checkout = workspace / job.environ.get("INPUT_WORKING_DIRECTORY", "").strip()
    if not Path(os.path.normpath(checkout)).is_relative_to(workspace):
        raise Refused(
            "`working-directory` lies outside of the workspace, all that is seen inside. Say `runtime: host`."
        )
    event = Path(job.environ.get("GITHUB_EVENT_PATH", ""))
    if not (event.is_absolute() and event.is_file()):
        raise Refused("there is no event file (GITHUB_EVENT_PATH). Run in a job of GitHub Actions.")
    yield Mount(event.resolve(), event)
    yield from certificates(job, workspace)


def certificates(job: Job, workspace: Path) -> Iterator[Mount]:
    """Whom the job trusts beside the image's own list."""
    for name in CERTIFICATES:
        if not (value := job.environ.get(name, "")):
            continue
        trusted = Path(value)
        kind = Path.is_dir if name == "SSL_CERT_DIR" else Path.is_file
        if not (trusted.is_absolute() and kind(trusted) and value.isprintable()):
            raise Refused(
                f"{name} does not name certificates of this machine. Fix that variable of the job, or remove it."
            )
        if trusted.resolve() in {Path("/"), Path("/etc"), Path("/run")}:
            raise Refused(f"{name} names a folder that holds more than certificates. Give a folder of its own.")
        if not trusted.is_relative_to(workspace):
            yield Mount(trusted.resolve(), trusted)


def folder(path: Path, spoken: str, job: Job) -> Mount:
    """A folder that the agent may write to; made when it is not there. Raises Refused for one that holds more."""
    shown = spoken if spoken.startswith("the ") else f"`{spoken}`"
    advice = "Give a folder of its own, such as ${{ runner.temp }}/cicd-agent-answers, or say `runtime: host`."
    if path.is_symlink():
        raise Refused(f"{shown} is a link ({path}). {advice}")
    real = path.resolve()
    for place in (path, real):
        for private in private_places(job):
            if private.is_relative_to(place):
                raise Refused(f"{shown} holds {private}, which no container may change ({path}). {advice}")
        for system in (*SYSTEM, job.action, *inner_places(job)):
            if place.is_relative_to(system):
                raise Refused(f"{shown} lies in {system}, which no container may change ({path}). {advice}")
    if not path.exists():
        path.mkdir(mode=0o700, parents=True)
        own(path, job)
    if not stat.S_ISDIR(path.lstat().st_mode):
        raise Refused(f"{shown} is not a folder ({path}). {advice}")
    return Mount(real, path, writable=True)


def private_places(job: Job) -> Iterator[Path]:
    """What no writable folder may hold."""
    yield from (*SYSTEM, job.action, Path("/tmp"))  # noqa: S108  the container has its own there
    for name in ("RUNNER_TEMP", "GITHUB_WORKSPACE", "HOME", "GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_EVENT_PATH"):
        if value := job.environ.get(name, ""):
            yield from {Path(value), Path(value).resolve()}


def inner_places(job: Job) -> Iterator[Path]:
    """What no writable folder may lie in, beside the system's own."""
    yield Path(job.environ["GITHUB_WORKSPACE"]).resolve() / ".git"
    # What is written there, the runner does.
    yield Path(job.environ.get("GITHUB_OUTPUT") or "/nonexistent/x").parent


def handed(job: Job, environ: dict[str, str]) -> Iterator[tuple[Path, Path]]:
    """Copy the files of a divided workflow in; each that the stage writes, with where it belongs."""
    stage = job.environ.get("INPUT_STAGE", "").strip()
    for name, spoken in HANDED.items():
        path = job.path(name)
        if path is None:
            continue
        inside = job.output / "handed" / spoken.removesuffix("-file")
        inside.mkdir(parents=True)
        inside /= path.name or "file"
        try:
            raw = content(path, MOST_HANDED, f"`{spoken}`")
        except Doubtful as doubt:
            raise Refused(f"{doubt}. Give `{spoken}` the path of a regular file.") from None
        if raw or path.exists():
            inside.write_bytes(raw)
        environ[name] = str(inside)
        if name in WRITTEN.get(stage, ()):
            yield inside, path


def fetch(given: Given) -> None:
    """Bring back what the stage has written. Raises Doubtful, OSError."""
    for inside, path in given.fetched.items():
        raw = content(inside, MOST_HANDED, f"what it wrote for {path}")
        if not raw:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
        fresh.replace(path)


def own(path: Path, job: Job) -> None:
    """Give a folder of the agent's to whom it runs as, where the runner is root."""
    if job.ids[0]:
        return
    os.chown(path, *job.user, follow_symlinks=False)
    for here, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.chown(Path(here, name), *job.user, follow_symlinks=False)


def spelt(variable: str) -> str:
    """An input's variable as the user knows it."""
    return f"`{variable.removeprefix('INPUT_').lower().replace('_', '-')}`"


def discard(folder_: Path) -> None:
    """Remove a folder and all that is in it, links as links."""
    shutil.rmtree(folder_, ignore_errors=True)
