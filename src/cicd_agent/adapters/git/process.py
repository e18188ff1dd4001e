"""Runs git apart from the checkout's configuration, hooks and attributes, and without our secrets.

A checkout's configuration can name programs (fsmonitor, textconv, filters, ssh commands, credential helpers), and the
list grows with every version of git. Instead of overruling it key by key, commands run in an empty bare repository
of our own, which borrows the checkout's objects. Only names of refs and the remote's address are read in the checkout
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, cast

from cicd_agent.adapters.programs import find_program, search_path
from cicd_agent.errors import ConfigError

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_PASSED = frozenset(
    (
        *("PATH", "HOME", "TMPDIR", "SYSTEMROOT", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"),
        *("GIT_SSL_CAINFO", *_PROXIES, *map(str.upper, _PROXIES)),
    )
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

INCOMPLETE = "The clone is not complete: set `fetch-depth: 0` and no `filter` on actions/checkout"
_LACKS = re.compile("unable to read|could not (?:read|get object)|bad object|missing")

SECONDS = 60.0
OUTPUT = 128_000_000
_CHUNK = 1 << 20
_AT_ONCE = 50
"""Names that are sent before the answers are read: neither way does a pipe fill up."""
_ERRORS = 100_000


class GitFailed(ConfigError):
    """git ended with an error; `code` is its exit code."""

    def __init__(self, what: str, *, why: str = "", remedy: str = "", code: int = 0) -> None:
        super().__init__(what, why=why, remedy=remedy)
        self.code = code


class Git:
    """git on one git directory, with exactly this environment, each command with a time limit.

    Neither git nor what it starts is taken from one of the `trees`, whose files are a change's.
    """

    def __init__(self, git_dir: Path, env: Mapping[str, str], trees: Sequence[Path] = ()) -> None:
        passed = {name: value for name, value in env.items() if name in _PASSED}
        path = passed.get("PATH", os.defpath)
        self._program = find_program("git", path, trees)
        self._env = {**passed, **_FIXED, "PATH": search_path(path, trees), "GIT_DIR": str(git_dir)}
        self.git_dir = git_dir
        self.bases: dict[tuple[str, ...], tuple[str, ...]] = {}
        """The merge bases that were found, until something is fetched."""
        self._lock = threading.Lock()
        self._readers: dict[str, _Reader] = {}
        weakref.finalize(self, _end, self._readers)

    def heads(self, names: Sequence[str]) -> list[tuple[str, str, int] | None]:
        """Id, kind and size of each object, None of one that is not here; a name is an id, or one with ^{…}.

        One process answers for all: to start one takes a hundred times as long as to answer.
        """
        heads: list[tuple[str, str, int] | None] = []
        with self._reading("--batch-check") as reader:
            for at in range(0, len(names), _AT_ONCE):
                heads += reader.heads(names[at : at + _AT_ONCE])
        return heads

    def content(self, name: str, limit: int) -> bytes | None:
        """The bytes of an object, None when it is not here. GitFailed when it is over `limit` bytes."""
        with self._reading("--batch") as reader:
            (head,) = reader.heads([name])
            if head is not None and head[2] > limit:
                raise GitFailed("git cat-file was stopped", why=f"an object has more than {limit // 10**6} MB")
            return None if head is None else reader.take(head[2] + 1)[:-1]

    @contextmanager
    def _reading(self, how: str) -> Iterator["_Reader"]:
        """The process that answers, for one thread at a time. After whatever went wrong the next gets a new one."""
        with self._lock, ExitStack() as on_error:
            if how not in self._readers:
                self._readers[how] = _Reader(self._program, how, self._env, self.git_dir)
            reader = self._readers[how]
            on_error.callback(lambda: self._readers.pop(how).end())
            with _deadline(reader.process, SECONDS) as late:
                try:
                    yield reader
                except GitFailed:
                    if late.is_set():
                        raise GitFailed(f"git cat-file took longer than {SECONDS:.3g} s") from None
                    raise
            on_error.pop_all()

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
                if len(data) > OUTPUT:
                    raise GitFailed(f"git {args[0]} was stopped", why=f"it printed more than {OUTPUT // 10**6} MB")
        return bytes(data)

    def text(self, *args: str, env: Mapping[str, str] | None = None) -> str:
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
            env = {**self._env, **(env or {})}
            process = _start(self._program, args, source, errors, env=env, cwd=cwd or self.git_dir)
            is_whole = False
            with _deadline(process, seconds) as late:
                try:
                    output = cast("IO[bytes]", process.stdout)
                    yield output
                    is_whole = not output.read(1)
                finally:
                    if not is_whole:
                        _kill(process)
                    process.communicate()
            if late.is_set():
                raise GitFailed(f"git {args[0]} took longer than {seconds:.3g} s", code=process.returncode)
            if is_whole and process.returncode:
                raise _failure(args[0], process.returncode, errors)


class _Reader:
    """`git cat-file` that stays, and answers name by name. It ends with us: by `end`, or with its input."""

    def __init__(self, program: str | None, how: str, env: Mapping[str, str], git_dir: Path) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed by `end`
        try:
            self.process = _start(program, ("cat-file", how), subprocess.PIPE, self._errors, env=env, cwd=git_dir)
        except GitFailed:
            self._errors.close()
            raise
        self._input, self._output = cast("IO[bytes]", self.process.stdin), cast("IO[bytes]", self.process.stdout)

    def heads(self, names: Sequence[str]) -> list[tuple[str, str, int] | None]:
        """What comes before the content of each of these, in the same order."""
        try:
            self._input.write("".join(f"{name}\n" for name in names).encode())
            self._input.flush()
        except BrokenPipeError:
            raise self._ended() from None
        return [self._head() for _ in names]

    def _head(self) -> tuple[str, str, int] | None:
        line = self._output.readline()
        if not line.endswith(b"\n"):
            raise self._ended()
        # Of what is not here: `NAME missing`.
        id_, kind, size, *_ = [*line.decode("ascii", "replace").split(), "", ""]
        return (id_, kind, int(size)) if size.isdigit() else None

    def take(self, size: int) -> bytes:
        """The next bytes."""
        data = self._output.read(size)
        if len(data) < size:
            raise self._ended()
        return data

    def _ended(self) -> GitFailed:
        return _failure("cat-file", self.process.wait(), self._errors)

    def end(self) -> None:
        _kill(self.process)
        with suppress(BrokenPipeError):
            self.process.communicate()
        self._errors.close()


@contextmanager
def _deadline(process: subprocess.Popen[bytes], seconds: float) -> Iterator[threading.Event]:
    """Kill the process after so many seconds, and set the event."""
    late = threading.Event()

    def expire() -> None:
        late.set()
        _kill(process)

    timer = threading.Timer(seconds, expire)
    timer.daemon = True  # a run that is ended meanwhile does not wait for it
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def _end(readers: dict[str, _Reader]) -> None:
    while readers:
        readers.popitem()[1].end()


def _start(
    program: str | None,
    args: Sequence[str],
    stdin: IO[bytes] | int,
    errors: IO[bytes],
    *,
    env: Mapping[str, str],
    cwd: Path,
) -> subprocess.Popen[bytes]:
    what = f"git {args[0]} could not be started"
    if program is None:
        raise GitFailed(what, why="no git is on PATH outside of the repository", remedy="Install git 2.34 or newer")
    try:
        return subprocess.Popen(  # noqa: S603  an argument list, and no shell
            [program, *args],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise GitFailed(what, why=str(error)) from error


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _failure(command: str, code: int, errors: IO[bytes]) -> GitFailed:
    errors.seek(0)
    lines = errors.read(_ERRORS).decode("utf-8", "replace").splitlines()
    # The first complaint is the cause; hints and consequences follow it.
    relevant = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines[-1:]
    why = "".join(char if char.isprintable() else " " for char in relevant[0]) if relevant else f"exit code {code}"
    return GitFailed(f"git {command} failed", why=why, remedy=INCOMPLETE if _LACKS.search(why) else "", code=code)


def borrow(theirs: Git, common_dir: Path, open_git: Callable[[Path], Git], scratch: Path | None) -> Git:
    """Make an empty bare repository that sees the objects of another; it is gone when the result is let go of."""
    object_format = theirs.text("rev-parse", "--show-object-format")
    folder = Path(tempfile.mkdtemp(prefix="cicd-agent-git-", dir=scratch))
    ours = open_git(folder)
    weakref.finalize(ours, shutil.rmtree, folder, ignore_errors=True)
    for name in ("objects/info", "objects/pack", "refs"):
        (folder / name).mkdir(parents=True)
    (folder / "HEAD").write_text("ref: refs/heads/none\n")
    config = _CONFIG.format(version=0 if object_format == "sha1" else 1)
    if object_format != "sha1":
        config += f"[extensions]\n\tobjectFormat = {object_format}\n"
    (folder / "config").write_text(config)
    objects = os.fsencode(common_dir / "objects").replace(b"\\", rb"\\").replace(b'"', rb"\"").replace(b"\n", rb"\n")
    (folder / "objects/info/alternates").write_bytes(b'"' + objects + b'"\n')
    shallow = common_dir / "shallow"
    if shallow.is_file():
        shutil.copyfile(shallow, folder / "shallow")
    return ours


TREE_BYTES = 50_000_000
"""Bytes of one directory: half a million files."""
DIRECTORY = b"40000"


class Trees:
    """Directories, each read once: what an id names never changes."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._read: dict[str, dict[bytes, tuple[bytes, str]]] = {}

    def find(self, tree: str, path: bytes) -> tuple[bytes, str] | None:
        """Mode and id of what a tree or a commit has at a path; None when it has nothing there."""
        *folders, name = path.split(b"/")
        for folder in folders:
            mode, inner = self._entries(tree).get(folder, (b"", ""))
            if mode != DIRECTORY:
                return None
            tree = inner
        return self._entries(tree).get(name)

    def _entries(self, tree: str) -> dict[bytes, tuple[bytes, str]]:
        """Mode and id by name; nothing, of a tree that is not here."""
        if tree not in self._read:
            data = self._git.content(f"{tree}^{{tree}}", TREE_BYTES) or b""
            entries = self._read[tree] = {}
            at = 0
            while (end := data.find(b"\0", at)) >= 0:
                mode, _, name = data[at:end].partition(b" ")
                at = end + 1 + len(tree) // 2  # an id in bytes
                entries[name] = mode, data[end + 1 : at].hex()
        return self._read[tree]
