"""Places in files that a log names, in the ways in which compilers, interpreters and test runners write them."""

import re
from collections.abc import Iterable, Iterator

from cicd_agent.analysis.logs.extract import Frame
from cicd_agent.analysis.logs.reader import MAX_SEARCHED

MAX_FRAMES = 20

_FILE = r"(?<![\w@.+~$%/\\-])(?:[A-Za-z]:)?[\w@.+~$%/\\-]{1,300}\.[A-Za-z][A-Za-z0-9_]{0,9}"
_FORMS = (
    re.compile(r'File "(?P<path>[^"\n]{1,300})", line (?P<line>\d{1,7})'),
    # Of a frame on the JVM the class says the folder.
    re.compile(
        r"\bat (?P<name>[\w$./@-]{1,300}?)\.[\w$<>]{1,100} ?"
        r"\((?P<path>[\w$-]{1,100}\.(?:java|kt|scala|groovy|clj)):(?P<line>\d{1,7})\)"
    ),
    re.compile(rf"(?P<path>{_FILE})(?::line |:\[|\(|, line | on line |: line )(?P<line>\d{{1,7}})(?=[\]),:;. ]|$)"),
    re.compile(rf"(?P<path>{_FILE}):(?P<line>\d{{1,7}})(?![\w.])"),
)
_WORKSPACES = (
    r"/home/runner/work/[^/]+/[^/]+/|/Users/runner/work/[^/]+/[^/]+/|[A-Za-z]:/a/[^/]+/[^/]+/|/__w/[^/]+/[^/]+/",
    r"/github/workspace/|/(?:home|Users)/travis/build/[^/]+/[^/]+/|/builds/[^/]+/[^/]+/|/home/circleci/(?:project|repo)/",
    r"/var/lib/jenkins/workspace/[^/]+/|/root/project/|/workspace/|/usr/src/app/|/code/|/app/",
)
_WORKSPACE = re.compile(rf"(?:{'|'.join(_WORKSPACES)})")
_LIBRARIES = (
    r"node_modules/|site-packages/|dist-packages/|/\.cargo/|/rustc/|go/pkg/mod/|/go/src/(?:runtime|testing)/|/gems/|<frozen",
    r"(?:^|/)vendor/|^node:|^internal/|/lib/python\d|^lib/python\d|/hostedtoolcache/|/\.nvm/|/\.m2/|\.pnpm/|^\.\./\.\./",
    r"^(?:java|javax|jdk|sun|scala|kotlin|org/junit|org/apache/maven|org/gradle|junit|org/codehaus|hudson|sbt|clojure)/",
    r"^(?:module|vm|timers|fs|net|events)\.js$",
)
_LIBRARY = re.compile("|".join(_LIBRARIES))
_ADDRESS = re.compile(r"\w+://|\.(?:com|org|net|io|dev)(?:$|:)")


def find_frames(texts: Iterable[str]) -> tuple[Frame, ...]:
    """The places that these lines name, each once: those in the repository first, then those of libraries."""
    frames: dict[Frame, None] = {}
    for text in texts:
        frames.update(dict.fromkeys(_frames_in(text[:MAX_SEARCHED])))
        if len(frames) > 4 * MAX_FRAMES:
            break
    return tuple(sorted(frames, key=lambda frame: is_outside(frame.path)))[:MAX_FRAMES]


def is_outside(path: str) -> bool:
    return path.startswith("/") or _LIBRARY.search(path) is not None


def relative(path: str) -> str:
    """The path within the repository, where it tells; else as it was."""
    path = path.replace("\\", "/")
    workspace = _WORKSPACE.match(path)
    return (path[workspace.end() :] if workspace else path).removeprefix("./")


def _frames_in(text: str) -> Iterator[Frame]:
    taken: list[tuple[int, int]] = []
    text = text.replace("file://", "")
    for form in _FORMS:
        for match in form.finditer(text):
            start, end = match.span()
            if any(start < other_end and other < end for other, other_end in taken):
                continue
            taken.append((start, end))
            path = match["path"]
            if path.startswith("//") or _ADDRESS.search(path):
                continue
            folder = match.groupdict().get("name")
            if folder and "." in folder:
                path = f"{folder.rpartition('.')[0].rpartition('/')[2].replace('.', '/')}/{path}"
            yield Frame(relative(path), int(match["line"]))
