"""Chooses where the agent runs: in the released image where that is possible, else on the runner, and says why."""

import ipaddress
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from launch.telling import inert

ANSWER_S = 10
"""Seconds for Docker to say that it is there."""
PULL_S = 300
NETWORK = "CICD_AGENT_DOCKER_NETWORK"
WORDS = ("auto", "container", "host")
# By digest only: what a tag names can be another thing tomorrow.
REFERENCE = re.compile(
    r"(?:[a-z0-9][a-z0-9.-]*(?::[0-9]{1,5})?/)?[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*@sha256:[0-9a-f]{64}"
)
LOCAL_ID = re.compile(r"sha256:[0-9a-f]{64}")
NETWORK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
DOCKERS = {
    *("PATH", "HOME", "LANG", "XDG_RUNTIME_DIR"),
    *("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"),
}
"""All that the Docker client learns of the job, beside what it hands to the container."""
PROXIES = tuple(name for each in ("http_proxy", "https_proxy", "all_proxy") for name in (each, each.upper()))
SERVERS = (
    *("BASE_URL", "OPENAI_BASE_URL", "REDIS_URL", "GITHUB_API_URL"),
    *(f"OTEL_EXPORTER_OTLP_{name}ENDPOINT" for name in ("", "TRACES_", "METRICS_", "LOGS_")),
    *PROXIES,
)


class NoRuntimeError(Exception):
    """Why the agent cannot run where the workflow wants it to, in one line with what to do."""


class Docker(Protocol):
    """What is asked of Docker. Each answers "" when all is well, else why not."""

    def answers(self) -> str:
        """Whether a server that runs Linux containers is there."""

    def is_at_hand(self, image: str) -> bool:
        """Whether the image is on this machine."""

    def pull(self, image: str) -> str:
        """Fetch it."""


@dataclass(frozen=True)
class Asked:
    """What the choice hangs on. `environ` is that of the installing step, which has no secret of ours."""

    environ: Mapping[str, str]
    image: str
    system: str = "linux"
    is_contained: bool = False
    """Whether this job runs in a container already."""

    @property
    def wanted(self) -> str:
        """The word of `runtime`."""
        return self.environ.get("RUNTIME", "").strip() or "auto"


@dataclass(frozen=True)
class Chosen:
    """Where it runs, and why; `image` only for the container."""

    runtime: str
    why: str
    image: str = ""


def choose(asked: Asked, docker: Docker) -> Chosen:
    """The runtime. Raises NoRuntimeError for a wrong word, and where `container` cannot be: never a silent host."""
    wanted = asked.wanted
    if wanted not in WORDS:
        raise NoRuntimeError(
            f"`runtime` is not understood (`{inert(wanted, 60)}`). Say one of {', '.join(WORDS)}, or nothing."
        )
    if wanted == "host":
        return Chosen("host", "`runtime: host`")
    why = next(obstacles(asked), "") or (next(doubts(asked), "") if wanted == "auto" else "") or missing(asked, docker)
    if not why:
        return Chosen("container", "Docker answers and the released image is at hand", asked.image)
    if wanted == "auto":
        return Chosen("host", why)
    raise NoRuntimeError(f"`runtime: container` is not possible here: {why}. Fix that, or say `runtime: auto`.")


def obstacles(asked: Asked) -> Iterator[str]:
    """What a container could not do, whatever Docker says."""
    environ = asked.environ
    if asked.system != "linux":
        yield "the image is for Linux, and this runner is not"
    if environ.get("MODE", "").strip() == "gen-tests":
        yield "gen-tests runs the project's tests with the runner's own Python and sandbox"
    if environ.get("VERIFY_COMMAND", "").strip():
        yield "`verify-command` runs the project's code with the runner's own tools"
    if environ.get("OPENAI_IDENTITY_PROVIDER_ID", "").strip():
        yield "OPENAI_IDENTITY_PROVIDER_ID needs the job's identity, and no token of the runner's goes into a container"
    if not Path(environ.get("GITHUB_EVENT_PATH", "")).is_file():
        yield "there is no event file (GITHUB_EVENT_PATH)"
    network = environ.get(NETWORK, "")
    if network and not NETWORK_NAME.fullmatch(network):
        yield f"{NETWORK} is not the name of a network"
    if network != "host":
        for name in local(environ):
            yield f"{name} is an address of this machine itself, which a container does not reach"
    if asked.image and not (REFERENCE.fullmatch(asked.image) or LOCAL_ID.fullmatch(asked.image)):
        yield "launch/image.txt does not name an image by its digest"


def doubts(asked: Asked) -> Iterator[str]:
    """What mostly does not work: only who asks for a container gets one."""
    if asked.is_contained:
        yield "this job is in a container itself, whose files Docker may not see"
    if asked.environ.get("DOCKER_HOST", "").startswith(("tcp:", "ssh:", "http:", "https:")):
        yield "DOCKER_HOST is on the network, and may not see this machine's files"


def missing(asked: Asked, docker: Docker) -> str:
    """What is not there; asked last, for it takes seconds."""
    if not asked.image:
        return "no image is released with this copy of the action"
    if why := docker.answers():
        return why
    if docker.is_at_hand(asked.image):
        return ""
    if LOCAL_ID.fullmatch(asked.image):
        return "the image of launch/image.txt is not on this machine"
    return docker.pull(asked.image)


def local(environ: Mapping[str, str]) -> Iterator[str]:
    """The variables that name a server on this machine's loopback."""
    for name in SERVERS:
        if (value := environ.get(name, "").strip()) and is_here(value):
            yield {"BASE_URL": "`base-url`"}.get(name, name)
    # Another kind of database is the project's own, and not used.
    if (book := environ.get("DATABASE_URL", "").strip()).startswith("postgres") and is_here(book):
        yield "DATABASE_URL"


def is_here(url: str) -> bool:
    """Whether an address leads to this machine: by a name, a number, or a socket in its file system."""
    try:
        host = urlsplit(url if "://" in url else f"//{url}").hostname or ""
    except ValueError:
        return False  # who uses it will say what is wrong with it
    host = host.rstrip(".")
    if not host or host == "localhost" or host.endswith((".localhost", ".localdomain")):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.inet_aton(host))  # 127.1 is one, too
        except OSError:
            return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback or (mapped or address).is_unspecified


class Client(Docker):
    """The `docker` of this machine."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.env = {name: value for name, value in environ.items() if name in DOCKERS}
        self.program = shutil.which("docker", path=environ.get("PATH", "")) or ""

    def answers(self) -> str:
        """Whether a server that runs Linux containers is there."""
        if not self.program:
            return "there is no `docker` on PATH"
        code, said = self.ask(["version", "--format", "{{.Server.Os}}"], ANSWER_S)
        if code:
            return f"Docker does not answer ({said})"
        return "" if said == "linux" else f"Docker runs no Linux containers here but {said or 'something unknown'}"

    def is_at_hand(self, image: str) -> bool:
        """Whether the image is on this machine."""
        return not self.ask(["image", "inspect", "--format", "{{.Id}}", image], ANSWER_S)[0]

    def pull(self, image: str) -> str:
        """Fetch it."""
        code, said = self.ask(["pull", "--quiet", image], PULL_S)
        return f"the released image cannot be pulled ({said})" if code else ""

    def ask(self, arguments: list[str], seconds: float) -> tuple[int, str]:
        """Exit code and the last line of what Docker says; a program that never ends counts as failed."""
        try:
            done = subprocess.run(
                [self.program, *arguments],
                env=self.env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return 1, f"no answer after {seconds} s"
        except OSError as error:
            return 1, inert(error.strerror or str(error))
        said = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
        return done.returncode, inert(said[-1] if said else f"exit {done.returncode}", 200)


def asked_here(action: Path, environ: Mapping[str, str]) -> Asked:
    """What this machine and this copy of the action say."""
    try:
        # A file that is no text is no reference either.
        image = (action / "launch/image.txt").read_text("utf-8", errors="replace").strip()
    except FileNotFoundError:
        image = ""
    is_contained = any(os.path.exists(path) for path in ("/.dockerenv", "/run/.containerenv"))  # noqa: PTH110
    return Asked(environ, image, sys.platform, is_contained)
