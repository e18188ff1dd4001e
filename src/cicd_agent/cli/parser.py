"""The command line: what can be asked for, and the words of `--help`. Importing it costs next to nothing."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn

from cicd_agent import __version__
from cicd_agent.cli.account_parser import add_account_commands
from cicd_agent.cli.setup_parser import add_setup_commands
from cicd_agent.errors import ConfigError

MODES: Final[Mapping[str, str]] = {
    "review": "review a change: findings that are proved against its diff, and its risk",
    "gen-tests": "write tests for a change, and keep only those that prove themselves; find flaky ones",
    "analyse-failure": "analyse a failed run: the lines that prove what failed, the cause, and the next step",
    "deploy-gate": "decide on a deployment by what is known of it: proceed, hold or rollback",
    "route": "say how much care a change needs: which tests, which build, which way out",
}
STAGES: Final[Mapping[str, str]] = {
    "gather": "read the evidence of an event, and write it to --out",
    "ask": "ask a model for what it proposes of the evidence in --in, and write that to --out (gen-tests)",
    "decide": "decide on the evidence in --in, and write the decision to --out",
    "perform": "carry out the decision in --in",
}
_FIXES: Final = ("review", "gen-tests")
ACCOUNT: Final = ("audit", "metrics", "accuracy", "cost")
SETUP: Final = ("doctor", "init")
TOOLS: Final = (
    "config",
    "schema",
    "replay",
    "serve-fake-model",
    "extract",
    "affected-tests",
    "calibrate",
    "gate-result",
    *ACCOUNT,
    *SETUP,
)
FORMATS: Final = ("text", "json", "github")
SCHEMAS: Final = ("config", "organisation", "evidence", "decision", "report")

_EPILOG = """\
Everything can also come from the environment, as on GitHub Actions: GITHUB_* and RUNNER_TEMP, and each input as
INPUT_<NAME> (upper case, `-` as `_`). Without a key the rules alone review, which needs no network.

exit codes: 0 done, 1 the verdict says stop (`fail-on`, or a gate that does not proceed), 2 configuration or input is
wrong, 3 GitHub refused, 4 model unavailable, 5 budget exhausted, 6 model misbehaved (3 to 6 are warnings, and 0, in
advisory modes), 70 a bug of ours
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. `command` is "run", a stage, or one of TOOLS; for these `mode` is empty."""

    command: str = "run"
    mode: str = ""
    event: str = ""
    event_name: str = ""
    repo_dir: str = ""
    base: str = ""
    head: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False
    fix: bool = False
    output_dir: str = ""
    format: str = ""
    read: str = ""
    write: str = ""
    schema: str = ""
    tape: str = ""
    evidence: str = ""
    keep_evidence: bool = False
    config: str = ""
    script: str = ""
    port: int = 0
    logs: tuple[str, ...] = ()
    green: str = ""
    tokens: int = 2_000
    map: str = ""
    record: bool = False
    shadow: bool = False
    environment: str = ""
    paths: tuple[str, ...] = ()
    needs: str = ""
    plan: str = ""
    route: str = ""
    jobs: tuple[str, ...] = ()
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
    modes: str = ""
    forks: str = ""
    model: str = ""
    yes: bool = False
    force: bool = False


class _Parser(argparse.ArgumentParser):
    """Reports what is wrong as our own error, so that outputs and summary are written for it too."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(message, remedy=f"`{self.prog} --help` lists what there is")


def parse(argv: Sequence[str]) -> Options:
    """The options of a command line. Raises ConfigError, and SystemExit after `--help` and `--version`."""
    if argv and not argv[0].startswith("-") and argv[0] not in (*MODES, *STAGES, *TOOLS):
        raise unknown_mode(argv[0])
    if argv and argv[0] == "audit" and len(argv) > 1 and argv[1].startswith("-") and argv[1] not in ("-h", "--help"):
        argv = ["audit", "verify", *argv[1:]]
    found = vars(_parser().parse_args(argv))
    inputs = dict(_assignment(pair) for pair in found.pop("input", None) or ())
    for option, name in (("run_id", "run-id"), ("state_dir", "state-dir")):
        if (value := found.pop(option, None)) is not None:
            inputs[name] = value
    for several in ("logs", "paths", "jobs", "anchors", "by"):
        found[several] = tuple(found.get(several) or ())
    return Options(**{name: value for name, value in found.items() if value is not None}, inputs=inputs)


def unknown_mode(name: str) -> ConfigError:
    """The error for a mode that does not exist."""
    from difflib import get_close_matches  # noqa: PLC0415  only a mistake pays for it

    close = get_close_matches(name, [*MODES, *STAGES, *TOOLS], n=1)
    hint = f", did you mean `{close[0]}`?" if close else ""
    return ConfigError(f"unknown mode `{name}`{hint}", remedy=f"The modes are: {', '.join(MODES)}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="cicd-agent",
        description="Reviews changes, writes tests, explains failures, routes pipelines and gates deployments, and "
        "proves what it says: models propose, code disposes.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"cicd-agent {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    for name, words in MODES.items():
        mode = _command(commands, name, words)
        mode.set_defaults(command="run", mode=name)
        _add_run_options(mode)
        if name == "analyse-failure":
            _add_log_options(mode)
        if name in _FIXES:
            what = "put the tests that are kept" if name == "gen-tests" else "apply the proved suggestions"
            fixes = f"{what} {'into' if name == 'gen-tests' else 'to'} the working tree; --dry-run: their diff"
            mode.add_argument("--fix", action="store_true", help=fixes)
    for name, words in STAGES.items():
        stage = _command(commands, name, words)
        stage.set_defaults(command=name)
        stage.add_argument("mode", metavar="MODE", choices=[*MODES], help=", ".join(MODES))
        if name != "gather":
            stage.add_argument("--in", dest="read", metavar="FILE", required=True, help="what the stage before wrote")
        if name != "perform":
            stage.add_argument("--out", dest="write", metavar="FILE", required=True, help="where to write the result")
        _add_run_options(stage)
    config = _command(commands, "config", "explain the configuration that is in force")
    config.set_defaults(command="config")
    config.add_argument("verb", choices=["explain"], help="print each value and where it is from")
    _add_place_options(config)
    schema = _command(commands, "schema", "print a JSON Schema")
    schema.set_defaults(command="schema")
    schema.add_argument("schema", metavar="KIND", choices=SCHEMAS, help=", ".join(SCHEMAS))
    replay = _command(commands, "replay", "judge a recorded run again, offline, and compare the reports")
    replay.set_defaults(command="replay")
    replay.add_argument("tape", metavar="TAPE", help="the tape.jsonl of the run")
    replay.add_argument("--evidence", metavar="FILE", help="what the run had read (default: evidence.json beside TAPE)")
    replay.add_argument("--config", metavar="FILE", help="a config file that overrides the run's settings")
    replay.add_argument("--input", metavar="NAME=VALUE", action="append", help="override a setting; may be repeated")
    replay.add_argument("--output-dir", metavar="DIR", help="where the report goes (default: replay beside TAPE)")
    serve = _command(commands, "serve-fake-model", "serve a scripted model on 127.0.0.1, to try a set-up without a key")
    serve.set_defaults(command="serve-fake-model")
    serve.add_argument("--script", metavar="FILE", required=True, help="its answers, in YAML or JSON")
    serve.add_argument("--port", metavar="N", type=int, help="port to listen on (default: any that is free)")
    extract = _command(commands, "extract", "print the lines of a failed log that matter")
    extract.set_defaults(command="extract")
    extract.add_argument(
        "logs", nargs=1, metavar="LOG", help="a log file, also compressed by gzip; - for the standard input"
    )
    extract.add_argument("--green", metavar="LOG", help="a log of the same job that passed")
    extract.add_argument("--tokens", metavar="N", type=int, help="how much to print (default: 2000)")
    extract.add_argument("--format", choices=("text", "json"), help="text for a person, json for a program")
    _add_affected_options(_command(commands, "affected-tests", "print the tests that a change can reach, for pytest"))
    _add_calibrate_options(_command(commands, "calibrate", "learn risk from what became of this repository's changes"))
    _add_gate_options(_command(commands, "gate-result", "judge by the plan of `route` how the jobs of a run ended"))
    add_account_commands(lambda name, words: _command(commands, name, words))
    add_setup_commands(lambda name, words: _command(commands, name, words), _add_place_options, [*MODES])
    return parser


def _command(commands: "argparse._SubParsersAction[_Parser]", name: str, words: str) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".")


def _add_affected_options(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command="affected-tests")
    add = parser.add_argument
    add("--repo-dir", metavar="DIR", help="the checkout (default: GITHUB_WORKSPACE, else the current directory)")
    add("--base", metavar="REF", help="the change is what is not in REF yet")
    add("--head", metavar="REF", help="the commit it ends in (default: HEAD and uncommitted work)")
    add("--map", metavar="FILE", help="the test map (default: test-map.json in `cache-dir`, else in .cicd-agent)")
    add("--record", action="store_true", help="run all tests, and make the map of what each of them used")
    add("--shadow", action="store_true", help="run all tests, and print what the choice would have missed")
    add("--format", choices=("text", "json"), help="text: arguments for pytest, one a line; json for a program")
    add("--out", dest="write", metavar="FILE", help="where to write that (default: standard output)")
    add("--input", metavar="NAME=VALUE", action="append", help="set an input, as `with:` does; may be repeated")


def _add_calibrate_options(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command="calibrate")
    add = parser.add_argument
    add("--state-dir", metavar="DIR", help="the account book, whose rollbacks count (default: input `state-dir`)")
    add("--repo-dir", metavar="DIR", help="the checkout (default: GITHUB_WORKSPACE, else the current directory)")
    add("--environment", metavar="NAME", help="whose deployments count (default: production), with GITHUB_TOKEN")
    add("--out", dest="write", metavar="FILE", help="where to write it (default: .github/cicd-agent-risk.json)")
    add("--dry-run", action="store_true", help="write nothing")
    add("--format", choices=("text", "json"), help="text for a person, json for a program")


def _add_gate_options(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command="gate-result")
    add = parser.add_argument
    add("--needs", metavar="FILE", help="what `toJSON(needs)` says, - for the standard input (default: input `needs`)")
    add("--plan", metavar="FILE", help="plan.json of route (default: what the outputs of its job say)")
    add("--route", metavar="JOB", help="the job that made the plan (default: route)")
    add("--jobs", metavar="LINE", nargs="+", action="extend", help="what makes a job run, as `job: area`")
    add("--input", metavar="NAME=VALUE", action="append", help="set an input, as `with:` does; may be repeated")


def _add_log_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--log",
        dest="logs",
        metavar="FILE",
        action="append",
        help="log of a failed job, `-` for standard input; may be repeated",
    )
    add("--green", metavar="FILE", help="with --log: log of the same job when it passed")
    add("--run-id", metavar="N", help="the run to analyse, read with GITHUB_TOKEN from GITHUB_REPOSITORY")


def _add_place_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--event", metavar="FILE", help="event payload (default: GITHUB_EVENT_PATH)")
    add("--event-name", metavar="NAME", help="name of the event (default: GITHUB_EVENT_NAME)")
    add("--repo-dir", metavar="DIR", help="the checkout (default: GITHUB_WORKSPACE, else the current directory)")
    add("--base", metavar="REF", help="the change is what is not in REF yet, without an event")
    add("--head", metavar="REF", help="with --base: the commit it ends in (default: HEAD and uncommitted work)")
    add("--input", metavar="NAME=VALUE", action="append", help="set an input, as `with:` does; may be repeated")


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    _add_place_options(parser)
    add = parser.add_argument
    add("--dry-run", action="store_true", help="perform nothing and print the plan")
    add("--output-dir", metavar="DIR", help="where report and files go (default: RUNNER_TEMP, else .cicd-agent)")
    add(
        "--keep-evidence",
        action="store_true",
        help="write evidence.json, which holds the diff, on Actions too",
    )
    add("--format", choices=FORMATS, help="text at a terminal, github on Actions, json: print the report")


def _assignment(pair: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not equals or not name:
        raise ConfigError(f"--input takes NAME=VALUE, not `{pair}`", remedy="For example --input min-severity=high")
    return name, value
