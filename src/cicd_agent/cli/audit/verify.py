"""`cicd-agent audit verify`: every chain checked against itself, its noted end, and what people have kept of it."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from cicd_agent.adapters.files import read_file
from cicd_agent.app.reporter import Outlet
from cicd_agent.audit.page import render_verified
from cicd_agent.audit.query import chains
from cicd_agent.audit.summary import links_of
from cicd_agent.audit.verification import Verified, parse_anchor, verify
from cicd_agent.cli.account_parser import Options
from cicd_agent.cli.audit.list import counted
from cicd_agent.domain.audit_entry import Link
from cicd_agent.domain.ports.storage import Store
from cicd_agent.domain.text.json_view import Loose
from cicd_agent.errors import ConfigError, Exit

_MOST_BYTES: Final = 20_000_000
_LIKE_AN_ANCHOR: Final = re.compile(r"#\d+:[0-9A-Fa-f]*$")


def prove(store: Store, options: Options, outlet: Outlet) -> int:
    """Print what holds and what does not; exit code 1 when anything does not."""
    anchors = [anchor_of(text) for text in options.anchors]
    if options.repository and (others := {each.repository for each in anchors} - {options.repository}):
        raise ConfigError(
            "--anchor is of another chain than --repository",
            why=", ".join(sorted(others)),
            remedy="Leave --repository out, or give anchors of it",
        )
    known = store.repositories()
    lost = [each for each in anchors if each.repository not in known]
    named = options.repository if options.repository in known or not lost else ""
    asked = chains(store, named) if named or not options.repository else ()
    found = []
    for repository in asked:
        outlet.progress(f"checking {repository}")
        # Before the rows: what is entered meanwhile lies beyond the end, and is no cut.
        head = store.head(repository)
        rows = counted(store.rows(repository), outlet, f"checking {repository}")
        ours = [each for each in anchors if each.repository == repository]
        found.append(verify(rows, ours, head))
    outlet.progress("")
    is_sound = not lost and all(each.holds for each in found)
    if options.format == "json":
        outlet.print_json(json.dumps(document(found, lost, place=store.place), indent=1))
    else:
        outlet.print(render_verified(found, lost, store.place, colour=outlet.coloured, width=outlet.width))
    return Exit.OK if is_sound else Exit.STOP


def document(found: Sequence[Verified], lost: Iterable[Link], *, place: str) -> dict[str, object]:
    """What was found as JSON; `lost` are anchors of chains that are not there."""
    gone = [each.words for each in lost]
    return {
        "version": 1,
        "place": place,
        "holds": not gone and all(each.holds for each in found),
        "chains": [
            {
                **asdict(each),
                "holds": each.holds,
                "head": each.head.words if each.head else None,
                "anchored": [{"anchor": one.link.words, "met": one.met, "by": one.by} for one in each.anchored],
            }
            for each in found
        ],
        "lost": gone,
    }


def anchor_of(text: str) -> Link:
    """The place that an anchor names, or a report.json at that path. Raises ConfigError."""
    try:
        return parse_anchor(text)
    except ValueError as error:
        if _LIKE_AN_ANCHOR.search(text.strip()):
            raise ConfigError("--anchor is none", why=str(error), remedy="Copy it whole from a step summary") from None
    raw = read_file(Path.cwd() / text, f"--anchor {text}", _MOST_BYTES)
    told = Loose.read(raw.decode("utf-8", "replace"))
    remedy = "Give a report.json of a run whose decision was recorded, or OWNER/NAME#NUMBER:HASH"
    if told.word("kind") != "report":
        raise ConfigError(f"--anchor {text} is no report of cicd-agent", remedy=remedy)
    audit = told.inner("body").inner("audit")
    for repository, seq, hashed in links_of(told):
        try:
            return parse_anchor(Link(repository, seq, hashed).words)
        except ValueError:
            raise ConfigError(f"--anchor {text} names no place in a chain", remedy=remedy) from None
    state = audit.word("state") or "not told"
    why = f"audit: {state}" + (f", {audit.word('why')[:200]}" if audit.word("why") else "")
    raise ConfigError(f"--anchor {text} is of a run that was not recorded", why=why, remedy=remedy)
