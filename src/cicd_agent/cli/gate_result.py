"""`cicd-agent gate-result`: one check to require, which is green when every job ended as the plan wants it."""

import sys
from functools import partial
from pathlib import Path
from typing import IO, Final

import click

from cicd_agent.adapters.files import read_file
from cicd_agent.adapters.runner.workflow import Workflow, step
from cicd_agent.app.context import first_settings
from cicd_agent.app.session import Session
from cicd_agent.cli.options import command, input_option
from cicd_agent.domain.effects import Annotation, Level
from cicd_agent.domain.text.markdown import code, prose, table
from cicd_agent.domain.text.visible import visible_line
from cicd_agent.domain.text.words import clip, count
from cicd_agent.domain.verdict import Conclusion
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.modes.route.job_results import (
    MAX_BYTES,
    Conditions,
    JobVerdict,
    Needs,
    RequiredCheck,
    conditions,
    judge,
    read_plan,
)
from cicd_agent.settings.schema import Settings

OUTPUTS: Final = ("conclusion", "summary")

_MAX_NAMED = 5
_MAX_REASON = 300


class _Command(click.Command):
    """Several lines may follow one `--jobs`, which no option of click's takes."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        expanded: list[str] = []
        in_jobs = False
        for arg in args:
            if arg.startswith("-"):
                in_jobs = arg == "--jobs"
            elif in_jobs and expanded[-1] != "--jobs":
                expanded.append("--jobs")
            expanded.append(arg)
        return super().parse_args(ctx, expanded)


@partial(command, cls=_Command)
@click.option(
    "--needs", metavar="FILE", help="what `toJSON(needs)` says, - for the standard input (default: input `needs`)"
)
@click.option("--plan", metavar="FILE", help="plan.json of route (default: what the outputs of its job say)")
@click.option("--route", metavar="JOB", help="the job that made the plan (default: route)")
@click.option("--jobs", metavar="LINE", multiple=True, help="what makes a job run, as `job: area`; several may follow")
@input_option()
def gate_result(
    session: Session,
    jobs: tuple[str, ...],
    needs: str = "",
    plan: str = "",
    route: str = "",
    *,
    standard_input: IO[bytes] | None = None,
    workflow: Workflow | None = None,
) -> int:
    """Exit code 1 when the check is red."""
    console, workflow = session.console, workflow or step(session.environment, OUTPUTS)
    try:
        settings = first_settings(session.options, session.environment)
        results = Needs(_needs(needs, settings, standard_input or sys.stdin.buffer))
        result = _judged(results, conditions((*settings.jobs, *jobs)), plan, route)
    except ConfigError as error:
        # What cannot be read is red as well.
        line = console.redact(str(error))
        _conclude(workflow, Conclusion.FAILURE, line)
        workflow.summary(f"### Gate: red\n\n{prose(line)}\n")
        raise
    for each in result.jobs:
        console.print(visible_line(_line(each)))
    summary = console.redact(_summary(result))
    console.print(summary)
    _conclude(workflow, result.conclusion, summary)
    workflow.summary(console.redact(_page(result)))
    if result.conclusion is Conclusion.SUCCESS:
        return Exit.OK
    workflow.annotate([Annotation("gate-result", Level.ERROR, "cicd-agent: gate", summary)])
    return Exit.STOP


def _judged(needs: Needs, expected: Conditions, plan: str, route: str) -> RequiredCheck:
    if plan:
        outputs = read_plan(read_file(Path(plan), "the plan", MAX_BYTES))
        # Without a job of that name, whoever gives a plan has one from elsewhere.
        route = route or (needs.route("") if needs.route("") in needs.ends else "")
    else:
        route = needs.route(route)
        outputs = needs.plan_outputs(route)
    return judge(needs.ends, outputs, expected, route=route)


def _needs(name: str, settings: Settings, standard_input: IO[bytes]) -> str | bytes:
    if name == "-":
        text = standard_input.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise ConfigError("`needs` is too large", why=f"over {MAX_BYTES:,} bytes")
        return text
    if name:
        return read_file(Path(name), "`needs`", MAX_BYTES)
    if settings.needs:
        return settings.needs
    raise ConfigError("there is nothing to judge", remedy="Pass `needs: ${{ toJSON(needs) }}`, or --needs FILE")


def _conclude(workflow: Workflow, conclusion: Conclusion, summary: str) -> None:
    workflow.output("conclusion", conclusion, Path())
    workflow.output("summary", clip(summary, 2_000), Path())


def _line(each: JobVerdict) -> str:
    state = "ok " if each.passes else "RED"
    why = f": {clip(each.reason, _MAX_REASON)}" if each.reason else ""
    return f"{state} {clip(each.job, 100)} ({clip(each.result, 40) or 'no result'}){why}"


def _summary(result: RequiredCheck) -> str:
    if not result.jobs:
        return "gate: red, there are no jobs in `needs`: name them in `needs:` of this job"
    if not result.red:
        return f"gate: green, {count(len(result.jobs), 'job')} ended as the plan wants"
    named = ", ".join(clip(each.job, 100) for each in result.red[:_MAX_NAMED])
    more = len(result.red) - _MAX_NAMED
    return visible_line(
        f"gate: red, {len(result.red):,} of {count(len(result.jobs), 'job')} did not end as the plan wants: "
        f"{named}{f' and {more:,} more' if more > 0 else ''}"
    )


def _page(result: RequiredCheck) -> str:
    head = "green" if result.conclusion is Conclusion.SUCCESS else "red"
    if not result.jobs:
        return f"### Gate: {head}\n\n{prose(_summary(result))}\n"
    rows = [
        (
            code(clip(each.job, 100)),
            code(clip(each.result, 40) or "no result"),
            ("ok" if each.passes else "**red**")
            + (f": {prose(clip(each.reason, _MAX_REASON))}" if each.reason else ""),
        )
        for each in sorted(result.jobs, key=lambda each: each.passes)
    ]
    return f"### Gate: {head}\n\n{table(('job', 'ended', ''), rows)}"
