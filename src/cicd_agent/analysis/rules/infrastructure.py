"""Images and infrastructure: what is built from where, and which doors it opens."""

import re
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import FileContext
from cicd_agent.analysis.rules.rule import Hit
from cicd_agent.domain.repository.paths import PathKind

_FROM = re.compile(r"(?i)^\s*FROM\s+(?:--platform=\S+\s+)?(\S+)(?:\s+AS\s+(\S+))?\s*$")
_USER = re.compile(r"(?i)^\s*USER\s+(?:root|0)(?::\S+)?\s*$")

_PRIVILEGED = re.compile(
    r"^[\s-]*(?:privileged|hostNetwork|hostPID|hostIPC|allowPrivilegeEscalation)\s*:\s*[\"']?true\b"
    r"|^\s*privileged\s*=\s*true\b"
)
_SOCKET = re.compile(r"/var/run/docker\.sock")
_ANYWHERE = re.compile(r"[\"']?(?:0\.0\.0\.0/0|::/0)[\"']?")
_PUBLIC_ACL = re.compile(r"\bacl\s*[=:]\s*[\"']?public-read|\b(?:publicly_accessible|public_access)\s*[=:]\s*true\b")
_ALL_ACTIONS = re.compile(r"[\"']?\b(?:[aA]ctions?|Resource|NotAction)\b[\"']?\s*[=:]\s*\[?\s*[\"']\*[\"']")
_ADMIN = re.compile(r"\bAdministratorAccess\b|^\s*name:\s*cluster-admin\s*$|\broles/owner\b")


def docker_base_image(context: FileContext) -> Iterator[Hit]:
    stages = {match[2] for text in (context.head or "").split("\n") if (match := _FROM.match(text[:500])) and match[2]}
    before = {match[1] for _, text in context.deleted if (match := _FROM.match(text))}
    for number, text in context.docker:
        image_match = _FROM.match(text)
        if (
            not image_match
            or image_match[1] in stages
            or image_match[1].lower() == "scratch"
            or "$" in image_match[1]
            or "@" in image_match[1]
        ):
            continue
        name = image_match[1].rpartition("/")[2]
        if ":" in name and not name.endswith(":latest"):
            if any(
                image.partition("@")[0].partition(":")[0] == image_match[1].partition(":")[0] and "@" in image
                for image in before
            ):
                yield Hit(
                    number, f"`{image_match[1]}` was pinned by its digest and now follows a tag.", confidence=0.95
                )
            continue
        yield Hit(number, f"`{image_match[1]}` is another image every time it is built.")


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
        if _PRIVILEGED.search(code) or _SOCKET.search(code):
            yield Hit(number, "The container is as good as root on its host.", confidence=0.9)
        elif _ANYWHERE.search(code) and not _is_outbound(rows, number):
            yield Hit(number, "The whole internet may connect.", confidence=0.75)
        elif _PUBLIC_ACL.search(code):
            yield Hit(number, "The whole internet may read it.", confidence=0.9)
        elif _ALL_ACTIONS.search(code) or _ADMIN.search(code):
            yield Hit(number, "Whoever holds this may do everything.", confidence=0.75)


def _is_outbound(rows: list[str], number: int) -> bool:
    for text in reversed(rows[max(0, number - 15) : number]):
        lower = text[:300].lower()
        if "egress" in lower or "outbound" in lower or "route" in lower:
            return True
        if "ingress" in lower or "inbound" in lower:
            return False
    return False
