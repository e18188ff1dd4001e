"""Images and infrastructure: what is built from where, and which doors it opens."""

import re
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import Look
from cicd_agent.analysis.rules.rule import NOT_OURS, Example, Hit, Rule
from cicd_agent.domain.finding import Category, Severity
from cicd_agent.domain.paths import PathKind

_FROM = re.compile(r"(?i)^\s*FROM\s+(?:--platform=\S+\s+)?(\S+)(?:\s+AS\s+(\S+))?\s*$")
_ADD = re.compile(r"(?i)^\s*ADD\s+(?!.*--checksum)(?:--\S+\s+)*https?://\S+")
_USER = re.compile(r"(?i)^\s*USER\s+(?:root|0)(?::\S+)?\s*$")
_BAKED = re.compile(
    r"(?i)^\s*(?:ENV|ARG)\s+\w*(?:password|passwd|secret|token|api_?key|private_?key|credential)\w*\s*(?:=|\s)\s*"
    r"(?!['\"]?(?:\$|<|\s*$|['\"]))\S{3,}"
)
_PIPED = re.compile(r"\b(?:curl|wget)\s[^|;&]{1,300}\|\s*(?:sudo\s+(?:-\S+\s+)*)?(?:ba|z|da)?sh\b")
_SCRIPTS = (".sh", ".bash", ".yml", ".yaml", "makefile", ".mk")

_PRIVILEGED = re.compile(
    r"^[\s-]*(?:privileged|hostNetwork|hostPID|hostIPC|allowPrivilegeEscalation)\s*:\s*[\"']?true\b"
    r"|^\s*privileged\s*=\s*true\b"
)
_SOCKET = re.compile(r"/var/run/docker\.sock")
_ANYWHERE = re.compile(r"[\"']?(?:0\.0\.0\.0/0|::/0)[\"']?")
_PUBLIC_ACL = re.compile(r"\bacl\s*[=:]\s*[\"']?public-read|\b(?:publicly_accessible|public_access)\s*[=:]\s*true\b")
_ALL_ACTIONS = re.compile(r"[\"']?\b(?:[aA]ctions?|Resource|NotAction)\b[\"']?\s*[=:]\s*\[?\s*[\"']\*[\"']")
_ADMIN = re.compile(r"\bAdministratorAccess\b|^\s*name:\s*cluster-admin\s*$|\broles/owner\b")


def _docker_lines(look: Look) -> tuple[tuple[int, str], ...]:
    return look.added if PathKind.DOCKERFILE in look.kinds else ()


def _base_image(look: Look) -> Iterator[Hit]:
    lines = _docker_lines(look)
    stages = {match[2] for text in (look.head or "").split("\n") if (match := _FROM.match(text[:500])) and match[2]}
    before = {match[1] for _, text in look.deleted if (match := _FROM.match(text))}
    for number, text in lines:
        found = _FROM.match(text)
        if not found or found[1] in stages or found[1].lower() == "scratch" or "$" in found[1] or "@" in found[1]:
            continue
        name = found[1].rpartition("/")[2]
        if ":" in name and not name.endswith(":latest"):
            if any(
                image.partition("@")[0].partition(":")[0] == found[1].partition(":")[0] and "@" in image
                for image in before
            ):
                yield Hit(number, f"`{found[1]}` was pinned by its digest and now follows a tag.", confidence=0.95)
            continue
        yield Hit(number, f"`{found[1]}` is another image every time it is built.")


def _remote_add(look: Look) -> Iterator[Hit]:
    yield from (Hit(number) for number, text in _docker_lines(look) if _ADD.match(text))


def _root(look: Look) -> Iterator[Hit]:
    lines = (look.head or "").split("\n")
    users = [index for index, text in enumerate(lines, 1) if re.match(r"(?i)\s*USER\s", text[:200])]
    for number, text in _docker_lines(look):
        # Root for the steps in between is usual; what counts is who runs the program in the end.
        if _USER.match(text) and users and users[-1] == number:
            yield Hit(number)


def _baked(look: Look) -> Iterator[Hit]:
    yield from (Hit(number) for number, text in _docker_lines(look) if _BAKED.match(text))


def _piped(look: Look) -> Iterator[Hit]:
    if PathKind.DOCKERFILE in look.kinds or look.path.lower().endswith(_SCRIPTS):
        for number, text in look.added:
            if _PIPED.search(text) and not text.lstrip().startswith(("#", "echo ")):
                yield Hit(number)


def _opened(look: Look) -> Iterator[Hit]:
    if PathKind.INFRASTRUCTURE not in look.kinds:
        return
    rows = (look.head or "").split("\n")
    for number, text in look.added:
        code = text.partition("#")[0]
        if _PRIVILEGED.search(code) or _SOCKET.search(code):
            yield Hit(number, "The container is as good as root on its host.", confidence=0.9)
        elif _ANYWHERE.search(code) and not _is_outbound(rows, number):
            yield Hit(number, "The whole internet may connect.", confidence=0.75)
        elif _PUBLIC_ACL.search(code):
            yield Hit(number, "The whole internet may read it.", confidence=0.9)
        elif _ALL_ACTIONS.search(code) or _ADMIN.search(code):
            yield Hit(number, "Whoever holds this may do everything.", confidence=0.75)


def _is_outbound(rows: list[str], number: int) -> bool:
    """Whether the nearest heading above says that the rule is for the way out, or for a route."""
    for text in reversed(rows[max(0, number - 15) : number]):
        lower = text[:300].lower()
        if "egress" in lower or "outbound" in lower or "route" in lower:
            return True
        if "ingress" in lower or "inbound" in lower:
            return False
    return False


_FILE = "FROM python:3.13-slim\n"

INFRASTRUCTURE = (
    Rule(
        id="docker-base-image",
        since="0.1",
        title="The base image is not fixed",
        severity=Severity.MEDIUM,
        category=Category.RELIABILITY,
        looks_at="`FROM` without a tag, with `latest`, or that loses its digest",
        why="The same commit builds another image tomorrow, and nobody can say what is deployed.",
        remedy="Name a version, best with its digest.",
        bad=Example("Dockerfile", "FROM python:latest\n"),
        good=Example("Dockerfile", _FILE),
        check=_base_image,
        confidence=0.95,
    ),
    Rule(
        id="docker-remote-add",
        since="0.1",
        title="A download nobody checks is built in",
        severity=Severity.MEDIUM,
        category=Category.SECURITY,
        looks_at="`ADD https://…` without `--checksum`",
        why="Whatever the server sends that day is part of the image.",
        remedy="Add `--checksum=sha256:…`.",
        bad=Example("Dockerfile", _FILE + "ADD https://a.example/tool.tgz /opt/\n"),
        good=Example("Dockerfile", _FILE + "ADD tool.tgz /opt/\n"),
        check=_remote_add,
        confidence=0.95,
    ),
    Rule(
        id="docker-root",
        since="0.1",
        title="The container runs as root",
        severity=Severity.MEDIUM,
        category=Category.SECURITY,
        looks_at="`USER root` as the last `USER` of a Dockerfile",
        why="Whoever breaks out of the program is root in the container, and closer to root outside.",
        remedy="End with an unprivileged `USER`.",
        bad=Example("Dockerfile", _FILE + "USER root\n"),
        good=Example("Dockerfile", _FILE + "USER root\nRUN make install\nUSER app\n"),
        check=_root,
        confidence=0.9,
    ),
    Rule(
        id="docker-secret",
        since="0.1",
        title="A secret is built into an image",
        severity=Severity.HIGH,
        category=Category.SECURITY,
        looks_at="`ENV` and `ARG` that give a value to a secret-looking name",
        why="Whoever can pull the image reads it in its history.",
        remedy="Use `RUN --mount=type=secret`, or give it when the container starts.",
        bad=Example("Dockerfile", _FILE + "ENV DB_PASSWORD=hunter\n"),
        good=Example("Dockerfile", _FILE + "ARG DB_PASSWORD\n"),
        check=_baked,
        confidence=0.75,
    ),
    Rule(
        id="pipe-to-shell",
        since="0.1",
        title="A download is run unseen",
        severity=Severity.MEDIUM,
        category=Category.SECURITY,
        looks_at="`curl … | sh` in Dockerfiles, scripts, Makefiles and YAML",
        why="Whatever the server sends that day is run, half of it when the connection breaks.",
        remedy="Download a fixed version, check its hash, then run it.",
        bad=Example("setup.sh", "curl -sSf https://a.example/install | sh\n"),
        good=Example("setup.sh", "curl -sSfO https://a.example/install\nsha256sum -c install.sha256\n"),
        check=_piped,
        confidence=0.9,
        quiet_in=NOT_OURS | {PathKind.DOCS, PathKind.TEST},
    ),
    Rule(
        id="open-infrastructure",
        since="0.1",
        title="Infrastructure opens a door",
        severity=Severity.HIGH,
        category=Category.SECURITY,
        looks_at="privileged containers, host namespaces, the Docker socket, `0.0.0.0/0` inbound, public buckets, "
        "`*` in IAM, cluster-admin",
        why="One broken program, or one scan of the internet, reaches everything behind it.",
        remedy="Grant what is needed: the capability, the address range, the action.",
        bad=Example("k8s/app.yaml", "containers:\n  - name: app\n    securityContext:\n      privileged: true\n"),
        good=Example("k8s/app.yaml", "containers:\n  - name: app\n    securityContext:\n      privileged: false\n"),
        check=_opened,
        confidence=0.9,
    ),
)
