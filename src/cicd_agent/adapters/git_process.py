"""Runs git in a room of its own: nothing of the checkout's configuration, hooks or attributes, nothing of our secrets.

A checkout's configuration can name programs (fsmonitor, textconv, filters, ssh commands, credential helpers), and the
list grows with every version of git. Instead of overruling it key by key, commands run in an empty bare repository
of our own, which borrows the checkout's objects. Only names of refs and the remote's address are asked in the checkout
itself. GitPython finds the checkout; it cannot run the commands, since it hands each child the whole environment.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, cast

from cicd_agent.errors import ConfigError

_PASSED = frozenset(
    {
        "PATH",
        "HOME",
        "TMPDIR",
        "SYSTEMROOT",
        "SSH_AUTH_SOCK",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "CURL_CA_BUNDLE",
        "GIT_SSL_CAINFO",
    }
    | {name for proxy in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") for name in (proxy, proxy.upper())}
)
"""What a child may inherit: where programs, home, keys and certificates are, and how to reach the network."""

_FIXED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    # Older versions know no GIT_NO_LAZY_FETCH: a transport that does not exist keeps a partial clone from fetching.
    "GIT_ALLOW_PROTOCOL": "none",
    "LC_ALL": "C",
}

_CONFIG = """\
[core]
	repositoryFormatVersion = {version}
	bare = true
	fsmonitor = false
	hooksPath = /dev/null
	attributesFile = /dev/null
	commitGraph = false
	quotePath = true
	bigFileThreshold = 20m
[gc]
	auto = 0
[maintenance]
	auto = false
"""

_INCOMPLETE = re.compile("unable to read|could not (?:read|get object)|bad object|missing")

SECONDS = 60.0
_OUTPUT = 128_000_000
_CHUNK = 1 << 20
_ERRORS = 100_000


class GitFailed(ConfigError):
    """git ended with an error; `code` is its exit code."""

    def __init__(self, what: str, *, why: str = "", remedy: str = "", code: int = 0) -> None:
        super().__init__(what, why=why, remedy=remedy)
        self.code = code


class Git:
    """git on one git directory, with exactly this environment, each command with a time limit."""

    def __init__(self, git_dir: Path, env: Mapping[str, str]) -> None:
        passed = {name: value for name, value in env.items() if name in _PASSED}
        self._env = {**passed, **_FIXED, "GIT_DIR": str(git_dir)}
        self.git_dir = git_dir

    def run(
        self,
        *args: str,
        stdin: bytes = b"",
        seconds: float | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> bytes:
        """Everything that the command prints; GitFailed when it fails, takes too long or prints without end."""
        with self.stream(*args, stdin=stdin, seconds=seconds, env=env, cwd=cwd) as output:
            data = bytearray()
            while chunk := output.read(_CHUNK):
                data += chunk
                if len(data) > _OUTPUT:
                    raise GitFailed(f"git {args[0]} was stopped", why=f"it printed more than {_OUTPUT // 10**6} MB")
        return bytes(data)

    def text(self, *args: str, env: Mapping[str, str] | None = None) -> str:
        """The one line that the command prints."""
        return self.run(*args, env=env).decode("utf-8", "replace").removesuffix("\n")

    @contextmanager
    def stream(
        self,
        *args: str,
        stdin: bytes = b"",
        seconds: float | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Iterator[IO[bytes]]:
        """The output while it is printed. Who stops reading before its end kills the process, which is no failure."""
        seconds = SECONDS if seconds is None else seconds
        # Files at the other two ends: no pipe of theirs can fill up while the output is read.
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as errors:
            source.write(stdin)
            source.seek(0)
            try:
                process = subprocess.Popen(  # noqa: S603  an argument list, and no shell
                    ["git", *args],  # noqa: S607  git is where the given PATH says
                    stdin=source,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    env={**self._env, **(env or {})},
                    cwd=cwd or self.git_dir,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                is_missing = isinstance(error, FileNotFoundError) and error.filename == "git"
                remedy = "Install git 2.34 or newer" if is_missing else ""
                raise GitFailed(f"git {args[0]} could not be started", why=str(error), remedy=remedy) from error
            late = threading.Event()

            def expire() -> None:
                late.set()
                _kill(process)

            timer = threading.Timer(seconds, expire)
            timer.daemon = True  # a run that is ended meanwhile does not wait for it
            timer.start()
            read_all = False
            try:
                output = cast("IO[bytes]", process.stdout)
                yield output
                read_all = not output.read(1)
            finally:
                if not read_all:
                    _kill(process)
                process.communicate()
                timer.cancel()
            if late.is_set():
                raise GitFailed(f"git {args[0]} took longer than {seconds:.3g} s", code=process.returncode)
            if read_all and process.returncode:
                raise _failure(args[0], process.returncode, errors)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and whatever it started (a fetch has children)."""
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()


def _failure(command: str, code: int, errors: IO[bytes]) -> GitFailed:
    errors.seek(0)
    lines = errors.read(_ERRORS).decode("utf-8", "replace").splitlines()
    # The first complaint is the cause; hints and consequences follow it.
    told = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines[-1:]
    why = "".join(char if char.isprintable() else " " for char in told[0]) if told else f"exit code {code}"
    remedy = "The clone is not complete: set `fetch-depth: 0` and no `filter` on actions/checkout"
    return GitFailed(f"git {command} failed", why=why, remedy=remedy if _INCOMPLETE.search(why) else "", code=code)


def borrow(git_dir: Path, common_dir: Path, env: Mapping[str, str], scratch: Path | None) -> Git:
    """Make an empty bare repository that sees the objects of another; it is gone when the result is let go of."""
    theirs = Git(git_dir, env)
    object_format = theirs.text("rev-parse", "--show-object-format")
    room = Path(tempfile.mkdtemp(prefix="cicd-agent-git-", dir=scratch))
    ours = Git(room, env)
    weakref.finalize(ours, shutil.rmtree, room, ignore_errors=True)
    for name in ("objects/info", "objects/pack", "refs"):
        (room / name).mkdir(parents=True)
    (room / "HEAD").write_text("ref: refs/heads/none\n")
    config = _CONFIG.format(version=0 if object_format == "sha1" else 1)
    if object_format != "sha1":
        config += f"[extensions]\n\tobjectFormat = {object_format}\n"
    (room / "config").write_text(config)
    objects = os.fsencode(common_dir / "objects").replace(b"\\", rb"\\").replace(b'"', rb"\"").replace(b"\n", rb"\n")
    (room / "objects/info/alternates").write_bytes(b'"' + objects + b'"\n')
    shallow = common_dir / "shallow"
    if shallow.is_file():
        shutil.copyfile(shallow, room / "shallow")
    return ours
