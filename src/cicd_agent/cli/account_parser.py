"""The words of the commands that look into the account book."""

import argparse
from collections.abc import Callable

Command = Callable[[str, str], argparse.ArgumentParser]


def add_account_commands(command: Command) -> None:
    """Add them; `command` makes one of its name and its line of help."""
    _audit(command("audit", "look into the record of decisions: list, show, verify, export, prune"))
    metrics = _told(command("metrics", "print the counts of the account book as Prometheus text"), "metrics")
    metrics.add_argument(
        "--since",
        metavar="WHEN",
        help="count only what is not older than `30d`, `12h`, or a date (default: all, so that counts only grow)",
    )
    metrics.add_argument("--repository", metavar="OWNER/NAME", help="only this one")
    metrics.add_argument(
        "--accuracy", dest="read", metavar="FILE", help="add what `cicd-agent accuracy --out FILE` has judged"
    )
    metrics.add_argument("--out", dest="write", metavar="FILE", help="write them there, at once")
    accuracy = _told(
        command("accuracy", "say how often decisions were right, by what GitHub shows later on"), "accuracy"
    )
    accuracy.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="only the gate's decisions in these report.json files, or folders of them",
    )
    _add_since(accuracy)
    accuracy.add_argument("--repo-dir", metavar="DIR", help="the checkout (default: GITHUB_WORKSPACE, else here)")
    accuracy.add_argument(
        "--out", dest="write", metavar="FILE", help="write all of it there as JSON, with each case that was labelled"
    )
    cost = _told(command("cost", "say what the models cost, and what tiers and caches saved"), "cost")
    _add_since(cost)
    cost.add_argument("--by", choices=("mode", "repository", "model", "day"), action="append", help="may be repeated")


def _audit(parser: argparse.ArgumentParser) -> None:
    # `mode: audit` of the action names no verb.
    parser.set_defaults(command="audit")
    verbs = parser.add_subparsers(
        title="verbs", metavar="VERB", dest="verb", parser_class=type(parser), help="(default: verify)"
    )
    listed = _told(verbs.add_parser("list", help="the newest runs, a line each"), "audit")
    _add_filters(listed)
    listed.add_argument("--most", metavar="N", type=int, help="how many (default: 20)")
    show = _told(verbs.add_parser("show", help="one run, whole"), "audit")
    show.add_argument("id", metavar="ID", help="its number, its event, its commit, or the beginning of its hash")
    show.add_argument("--repository", metavar="OWNER/NAME", help="where there are several")
    verify = _told(
        verbs.add_parser("verify", help="prove that nothing was changed; exit code 1 when something was"), "audit"
    )
    verify.add_argument("--repository", metavar="OWNER/NAME", help="only this chain")
    verify.add_argument(
        "--anchor",
        dest="anchors",
        metavar="ANCHOR",
        action="append",
        help="an anchor as a step summary shows it, or a report.json; may be repeated",
    )
    export = _told(verbs.add_parser("export", help="runs for other tools"), "audit", formats=("jsonl", "csv", "sarif"))
    _add_filters(export)
    export.add_argument("--out", dest="write", metavar="FILE", help="where to write it (default: standard output)")
    prune = _told(verbs.add_parser("prune", help="remove what is old; the removal is itself entered"), "audit")
    prune.add_argument("--older-than", metavar="WHEN", required=True, help="`400d`, or a date")
    prune.add_argument("--repository", metavar="OWNER/NAME", help="only this chain")
    prune.add_argument("--dry-run", action="store_true", help="only say what would be removed")


def _told(
    parser: argparse.ArgumentParser, command: str, formats: tuple[str, ...] = ("text", "json")
) -> argparse.ArgumentParser:
    """What all of them have."""
    parser.set_defaults(command=command)
    add = parser.add_argument
    add(
        "--state-dir", metavar="DIR", help="where the account book lies (default: input `state-dir`, else DATABASE_URL)"
    )
    add("--input", metavar="NAME=VALUE", action="append", help="set an input, as `with:` does; may be repeated")
    add("--format", choices=formats, help=" or ".join(formats))
    return parser


def _add_since(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", metavar="WHEN", help="how far back: `30d`, `12h`, or a date (default: 30d)")
    parser.add_argument("--repository", metavar="OWNER/NAME", help="only this one")


def _add_filters(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--repository", metavar="OWNER/NAME", help="only this one")
    add("--sha", metavar="SHA", help="of this commit, or its beginning")
    add("--of", metavar="MODE", help="of this mode")
    add("--decision", metavar="WORD", help="that came to this decision")
    add("--pull", metavar="N", type=int, help="of this pull request")
    add("--since", metavar="WHEN", help="not older than `30d`, `12h`, or a date")
    add("--until", metavar="WHEN", help="older than that")
