"""Images and infrastructure: what is built from where, and which doors it opens."""

import re
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import FileContext
from cicd_agent.analysis.rules.rule import Hit
from cicd_agent.domain.repository.paths import PathKind

_FROM = re.compile(r"(?i)^\s*FROM\s+(?:--platform=\S+\s+)?(\S+)(?:\s+AS\s+(\S+))?\s*$")
_USER = re.compile(r"(?i)^\s*USER\s+(?:root|0)(?::\S+)?\s*$")

_ROOT = re.compile(
    r"^[\s-]*(?:privileged|hostNetwork|hostPID|hostIPC|allowPrivilegeEscalation)\s*:\s*[\"']?true\b"
    r"|^\s*privileged\s*=\s*true\b|/var/run/docker\.sock"
)
_ANYWHERE = re.compile(r"[\"']?(?:0\.0\.0\.0/0|::/0)[\"']?")
_PUBLIC_ACL = re.compile(r"\bacl\s*[=:]\s*[\"']?public-read|\b(?:publicly_accessible|public_access)\s*[=:]\s*true\b")
_ADMIN = re.compile(
    r"[\"']?\b(?:[aA]ctions?|Resource|NotAction)\b[\"']?\s*[=:]\s*\[?\s*[\"']\*[\"']"
    r"|\bAdministratorAccess\b|^\s*name:\s*cluster-admin\s*$|\broles/owner\b"
)
_HINTS = (
    *("privileged", "hostN", "hostP", "hostI", "allowP", "docker.sock", "/0", "public", "ction", "Resource"),
    *("AdministratorAccess", "cluster-admin", "roles/owner"),
)
"""One of these stands in whatever the patterns match."""
_OPENINGS = (
    (_ROOT, "The container is as good as root on its host.", 0.9),
    (_ANYWHERE, "The whole internet may connect.", 0.75),
    (_PUBLIC_ACL, "The whole internet may read it.", 0.9),
    (_ADMIN, "Whoever holds this may do everything.", 0.75),
)


def docker_base_image(context: FileContext) -> Iterator[Hit]:
    stages = {match[2] for text in (context.head or "").split("\n") if (match := _FROM.match(text[:500])) and match[2]}
    before = {match[1] for _, text in context.deleted if (match := _FROM.match(text))}
    pinned = {image.partition("@")[0].partition(":")[0] for image in before if "@" in image}
    for number, text in context.docker:
        match = _FROM.match(text)
        image = match[1] if match else "scratch"
        if image in stages or image.lower() == "scratch" or "$" in image or "@" in image:
            continue
        name = image.rpartition("/")[2]
        if ":" in name and not name.endswith(":latest"):
            if image.partition(":")[0] in pinned:
                yield Hit(number, f"`{image}` was pinned by its digest and now follows a tag.", confidence=0.95)
            continue
        yield Hit(number, f"`{image}` can be a different image at every build.")


def docker_root(context: FileContext) -> Iterator[Hit]:
    lines = (context.head or "").split("\n")
    users = [index for index, text in enumerate(lines, 1) if re.match(r"(?i)\s*USER\s", text[:200])]
    for number, text in context.docker:
        # Root for the steps in between is usual; what counts is who runs the program in the end.
        if _USER.match(text) and users and users[-1] == number:
            yield Hit(number)


def open_infrastructure(context: FileContext) -> Iterator[Hit]:
    if PathKind.INFRASTRUCTURE not in context.kinds:
        return
    rows = (context.head or "").split("\n")
    for number, text in context.added:
        code = text.partition("#")[0]
        if not any(hint in code for hint in _HINTS):
            continue
        for pattern, message, confidence in _OPENINGS:
            if pattern.search(code) and (pattern is not _ANYWHERE or not _is_outbound(rows, number)):
                yield Hit(number, message, confidence=confidence)
                break


def _is_outbound(rows: list[str], number: int) -> bool:
    for text in reversed(rows[max(0, number - 15) : number]):
        lower = text[:300].lower()
        if "egress" in lower or "outbound" in lower or "route" in lower:
            return True
        if "ingress" in lower or "inbound" in lower:
            return False
    return False
