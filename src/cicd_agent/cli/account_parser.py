"""The commands that look into the account book, on the way to modules of their own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import click

from cicd_agent.app.options import Invocation, RunOptions, Session
from cicd_agent.cli.options import (
    audit_options,
    composed,
    format_option,
    invocation,
    out_option,
    period_options,
    repo_dir_option,
    repository_option,
)


@dataclass(frozen=True, slots=True)
class Options(RunOptions):
    """What these commands are asked."""

    read: str = ""
    out: str = ""
    environment: str = ""
    paths: tuple[str, ...] = ()
    verb: str = ""
    id: str = ""
    anchors: tuple[str, ...] = ()
    repository: str = ""
    sha: str = ""
    of: str = ""
    decision: str = ""
    pull: int = 0
    since: str = ""
    until: str = ""
    older_than: str = ""
    most: int = 20
    by: tuple[str, ...] = ()

    @property
    def write(self) -> str:
        """The file that is written."""
        return self.out


def _run(session: Session) -> int:
    from cicd_agent.cli.account_commands import account  # noqa: PLC0415  `--help` does without

    options = session.options
    assert isinstance(options, Options)  # noqa: S101
    return account(options, session.environment, session.outlet, session.clocks.now)


def _command(name: str, *decorators: Callable[[Any], Any], verb: str = "", text: str = "") -> click.Command:
    @composed(*decorators)
    def understood(**values: Any) -> Invocation:
        found = invocation(name, _run, values)
        assert isinstance(found.run, partial)  # noqa: S101
        plain = {key: getattr(found.options, key) for key in RunOptions.__dataclass_fields__}
        return Invocation(Options(**{**plain, **found.run.keywords, "verb": verb}), _run)

    return click.command(verb or name, help=text)(understood)


class _Audit(click.Group):
    """Without a verb, `verify`: `mode: audit` of the action names none."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return [*self.commands]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help")):
            args = ["verify", *args]
        return super().parse_args(ctx, args)


calibrate = _command(
    "calibrate",
    click.option(
        "--state-dir", metavar="DIR", help="the account book, whose rollbacks count (default: input `state-dir`)"
    ),
    repo_dir_option(),
    click.option(
        "--environment", metavar="NAME", help="whose deployments count (default: production), with GITHUB_TOKEN"
    ),
    out_option("where to write it (default: .github/cicd-agent-risk.json)"),
    click.option("--dry-run", is_flag=True, help="write nothing"),
    format_option(),
)
metrics = _command(
    "metrics",
    audit_options,
    format_option(),
    click.option(
        "--since",
        metavar="WHEN",
        help="count only what is not older than `30d`, `12h`, or a date (default: all, so that counts only grow)",
    ),
    repository_option,
    click.option("--accuracy", "read", metavar="FILE", help="add what `cicd-agent accuracy --out FILE` has judged"),
    out_option("write them there, at once"),
)
accuracy = _command(
    "accuracy",
    click.argument("paths", nargs=-1, metavar="[PATH]..."),
    audit_options,
    format_option(),
    period_options,
    repo_dir_option("GITHUB_WORKSPACE, else here"),
    out_option("write all of it there as JSON, with each case that was labelled"),
    text="With PATH only the gate's decisions in these report.json files, or folders of them.",
)
cost = _command(
    "cost",
    audit_options,
    format_option(),
    period_options,
    click.option(
        "--by", type=click.Choice(("mode", "repository", "model", "day")), multiple=True, help="may be repeated"
    ),
)
_filters = composed(
    repository_option,
    click.option("--sha", metavar="SHA", help="of this commit, or its beginning"),
    click.option("--of", metavar="MODE", help="of this mode"),
    click.option("--decision", metavar="WORD", help="that came to this decision"),
    click.option("--pull", metavar="N", type=int, help="of this pull request"),
    click.option("--since", metavar="WHEN", help="not older than `30d`, `12h`, or a date"),
    click.option("--until", metavar="WHEN", help="older than that"),
)
audit = _Audit("audit")
for _each in (
    _command(
        "audit",
        audit_options,
        format_option(),
        _filters,
        click.option("--most", metavar="N", type=int, help="how many (default: 20)"),
        verb="list",
        text="The newest runs, a line each.",
    ),
    _command(
        "audit",
        audit_options,
        format_option(),
        click.argument("id", metavar="ID"),
        click.option("--repository", metavar="OWNER/NAME", help="where there are several"),
        verb="show",
        text="One run, whole: ID is its number, its event, its commit, or the beginning of its hash.",
    ),
    _command(
        "audit",
        audit_options,
        format_option(),
        click.option("--repository", metavar="OWNER/NAME", help="only this chain"),
        click.option(
            "--anchor",
            "anchors",
            metavar="ANCHOR",
            multiple=True,
            help="an anchor as a step summary shows it, or a report.json; may be repeated",
        ),
        verb="verify",
        text="Prove that nothing was changed; exit code 1 when something was (the default).",
    ),
    _command(
        "audit",
        audit_options,
        format_option("jsonl", "csv", "sarif", text="jsonl, csv or sarif"),
        _filters,
        out_option("where to write it (default: standard output)"),
        verb="export",
        text="Runs for other tools.",
    ),
    _command(
        "audit",
        audit_options,
        format_option(),
        click.option("--older-than", metavar="WHEN", required=True, help="`400d`, or a date"),
        click.option("--repository", metavar="OWNER/NAME", help="only this chain"),
        click.option("--dry-run", is_flag=True, help="only say what would be removed"),
        verb="prune",
        text="Remove what is old; the removal is itself entered.",
    ),
):
    audit.add_command(_each)


def parsed(argv: Sequence[str]) -> Options:
    """The options of a command line of these commands."""
    from cicd_agent.cli.parser import parse  # noqa: PLC0415

    options = parse(argv).options
    assert isinstance(options, Options)  # noqa: S101
    return options
