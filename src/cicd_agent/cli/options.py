"""What the commands share: how a function becomes a command, and the options that several have."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial, update_wrapper
from inspect import getdoc
from typing import Any, TypeVar

import click

from cicd_agent.app.options import RunOptions
from cicd_agent.app.session import Invocation
from cicd_agent.errors import ConfigError

F = TypeVar("F", bound=Callable[..., Any])

_RUN_OPTIONS = frozenset(RunOptions.__dataclass_fields__)
_SETTINGS = frozenset({"state_dir"})
"""Options of several commands that stand for an input of their name."""


def command(function: Callable[..., int], cls: type[click.Command] = click.Command) -> click.Command:
    """A command of the function's name. What is no field of RunOptions, or a setting, goes to the function.

    What is not given on the command line is not passed, so that the function's own default holds. Its docstring stands
    in `--help`.
    """
    name = function.__name__.replace("_", "-")

    def understood(**values: Any) -> Invocation:
        return invocation(name, function, values)

    return click.command(name, cls=cls, help=getdoc(function) or "")(update_wrapper(understood, function))


def invocation(
    name: str,
    function: Callable[..., int],
    values: Mapping[str, Any],
    *,
    mode: str = "",
    settings: frozenset[str] = _SETTINGS,
) -> Invocation:
    """The function with the values of a command line; those of `settings` are inputs."""
    given = {key: value for key, value in values.items() if value is not None}
    inputs = dict(given.pop("inputs", {}))
    inputs |= {key.replace("_", "-"): given.pop(key) for key in settings & given.keys()}
    own = {key: given.pop(key) for key in given.keys() - _RUN_OPTIONS}
    given.setdefault("mode", mode)
    return Invocation(RunOptions(command=name, inputs=inputs, **given), partial(function, **own))


def composed(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """All of the decorators, the first of them on top."""

    def decorated(function: F) -> F:
        for decorate in reversed(decorators):
            function = decorate(function)
        return function

    return decorated


def _assignments(_context: click.Context, _parameter: click.Parameter, pairs: Sequence[str]) -> Mapping[str, str]:
    inputs = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ConfigError(f"--input takes NAME=VALUE, not `{pair}`", remedy="For example --input min-severity=high")
        inputs[name] = value
    return inputs


def input_option(text: str = "set an input, as `with:` does; may be repeated") -> Callable[[F], F]:
    return click.option("--input", "inputs", metavar="NAME=VALUE", multiple=True, callback=_assignments, help=text)


def format_option(*formats: str, text: str = "text for a person, json for a program") -> Callable[[F], F]:
    return click.option("--format", type=click.Choice(formats or ("text", "json")), help=text)


def repo_dir_option(otherwise: str = "GITHUB_WORKSPACE, else the current directory") -> Callable[[F], F]:
    return click.option("--repo-dir", metavar="DIR", help=f"the checkout (default: {otherwise})")


def out_option(text: str) -> Callable[[F], F]:
    return click.option("--out", metavar="FILE", help=text)


location_options = composed(
    click.option("--event", metavar="FILE", help="event payload (default: GITHUB_EVENT_PATH)"),
    click.option("--event-name", metavar="NAME", help="name of the event (default: GITHUB_EVENT_NAME)"),
    repo_dir_option(),
    click.option("--base", metavar="REF", help="the change is what is not in REF yet, without an event"),
    click.option(
        "--head", metavar="REF", help="with --base: the commit it ends in (default: HEAD and uncommitted work)"
    ),
    input_option(),
)
"""Where event and checkout are, and what is set."""

run_options = composed(
    location_options,
    click.option("--dry-run", is_flag=True, help="perform nothing and print the plan"),
    click.option(
        "--output-dir", metavar="DIR", help="where report and files go (default: RUNNER_TEMP, else .cicd-agent)"
    ),
    click.option("--keep-evidence", is_flag=True, help="write evidence.json, which holds the diff, on Actions too"),
    click.option("--verbose", is_flag=True, help="print the step outputs, too"),
    format_option("text", "json", "github", text="text at a terminal, github on Actions, json: print the report"),
)
"""What every mode and every stage has."""

audit_options = composed(
    click.option(
        "--state-dir", metavar="DIR", help="where the audit log lies (default: input `state-dir`, else DATABASE_URL)"
    ),
    input_option(),
)
"""Where the audit log is."""

repository_option = click.option("--repository", metavar="OWNER/NAME", help="only this one")

period_options = composed(
    click.option("--since", metavar="WHEN", help="how far back: `30d`, `12h`, or a date (default: 30d)"),
    repository_option,
)
"""Which runs are looked at."""
