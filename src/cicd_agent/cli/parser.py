"""The command line: every command by its name, loaded when it is used, so that `--help` costs next to nothing."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final

import click

from cicd_agent import __version__
from cicd_agent.app.options import STAGES, RunOptions
from cicd_agent.app.session import Invocation, Session
from cicd_agent.cli.options import invocation, run_options
from cicd_agent.domain.modes import MODES, mode_module
from cicd_agent.errors import ConfigError

TOOLS: Final[Mapping[str, str]] = {
    "config": "explain the effective configuration",
    "schema": "print a JSON Schema",
    "replay": "judge a recorded run again offline and compare the reports",
    "serve-fake-model": "serve a scripted model on 127.0.0.1 to try a setup without a key",
    "extract": "print the lines of a failed log that matter",
    "affected-tests": "print the tests that a change can affect, for pytest",
    "calibrate": "learn risk from the outcomes of this repository's changes",
    "gate-result": "decide from the plan of `route` whether the jobs of a run passed",
    "audit": "inspect the audit log: list, show, verify, export, prune",
    "metrics": "print the counts of the audit log as Prometheus text",
    "accuracy": "report how often decisions were right, from what GitHub shows later",
    "cost": "report what the models cost, and what tiers and caches saved",
    "doctor": "check token, model, clone and configuration, and say what to change",
    "init": "write workflows and a configuration from three answers",
}

_OTHER_NAMES: Final = {"analyze-failure": "analyse-failure", "test-gen": "gen-tests"}
"""What people also call a mode; the launcher of the action knows the same names."""

_EPILOG = """\
\b
Everything can also come from the environment, as on GitHub Actions: GITHUB_* and RUNNER_TEMP, and each input as
INPUT_<NAME> (upper case, `-` as `_`). Without a key the rules alone review, which needs no network.

\b
exit codes: 0 done, 1 the verdict says stop (`fail-on`, or a gate that does not proceed), 2 configuration or input is
wrong, 3 GitHub refused, 4 model unavailable, 5 budget exhausted, 6 model misbehaved (3 to 6 are warnings, and 0, in
advisory modes), 70 internal error
"""


def commands() -> Mapping[str, str]:
    return {**MODES, **STAGES, **TOOLS}


class _Commands(click.Group):
    """All commands; the one that is used is imported."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return [*commands()]

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        name = _OTHER_NAMES.get(name, name)
        line = commands().get(name)
        if line is None:
            return None
        command = _mode(name) if name in MODES else _stage(name) if name in STAGES else _tool(name)
        if not command.short_help:
            command.short_help = line
            command.help = "\n\n".join([f"{line[0].upper()}{line[1:]}.", *([command.help] if command.help else [])])
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str, click.Command, list[str]]:
        command = self.get_command(ctx, args[0])
        if command is None:
            close = get_close_matches(args[0], commands(), n=1)
            hint = f", did you mean `{close[0]}`?" if close else ""
            raise ConfigError(f"unknown mode `{args[0]}`{hint}", remedy=f"The modes are: {', '.join(MODES)}")
        return command.name or args[0], command, args[1:]

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*commands().items()])


@click.group(
    cls=_Commands,
    no_args_is_help=False,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    help="Reviews changes, writes tests, explains failures, routes pipelines and gates deployments, and proves what it"
    " says: models propose, code disposes.",
)
@click.version_option(__version__, message="cicd-agent %(version)s")
def _root() -> None:
    pass


def parse(argv: Sequence[str]) -> Invocation:
    """What a command line says. Raises ConfigError, and click's Exit after `--help` and `--version`."""
    try:
        with _root.make_context("cicd-agent", [*(argv or ("--help",))]) as context:
            understood: Invocation = _root.invoke(context)
    except click.UsageError as error:
        program = error.ctx.command_path if error.ctx else "cicd-agent"
        text = error.format_message().rstrip(".")
        remedy = f"`{program} --help` lists what there is"
        raise ConfigError(text[:1].lower() + text[1:], remedy=remedy) from None
    return understood


def _tool(name: str) -> click.Command:
    module = name.replace("-", "_")
    command: click.Command = getattr(import_module(f"cicd_agent.cli.{module}"), module)
    return command


def _mode(name: str) -> click.Command:
    """A mode: the options that all have, and its own from its folder, which fill the settings of their names."""
    module = mode_module(name, "command")
    own: Sequence[click.Option] = module.OPTIONS if module else ()

    @run_options
    def understood(**values: Any) -> Invocation:
        settings = frozenset(each.name for each in own if each.name not in RunOptions.__dataclass_fields__)
        return invocation("run", _run, values, mode=name, settings=settings)

    made = click.command(name)(understood)
    made.params += own
    return made


def _stage(name: str) -> click.Command:
    """One stage of a mode, between two files."""

    @click.argument("mode", metavar="MODE", type=_ModeName([*MODES]))
    @run_options
    def understood(**values: Any) -> Invocation:
        return invocation(name, _run, values)

    made = click.command(name)(understood)
    if name != "perform":
        made.params.insert(1, _file("--out", "target", "where to write the result"))
    if name != "gather":
        made.params.insert(1, _file("--in", "source", "what the stage before wrote"))
    return made


class _ModeName(click.Choice[str]):
    """A mode, also by another of its names."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return super().convert(_OTHER_NAMES.get(value, value), param, ctx)


def _file(name: str, parameter: str, text: str) -> click.Option:
    return click.Option([name, parameter], metavar="FILE", required=True, help=text)


def _run(session: Session, **files: str) -> int:
    if session.options.backtest:
        from cicd_agent.cli.backtest import backtest  # noqa: PLC0415  a run pays for nothing of this

        return backtest(session)
    from cicd_agent.app.stages import run_mode  # noqa: PLC0415  `--help` pays for nothing of this

    return run_mode(session, **files)
