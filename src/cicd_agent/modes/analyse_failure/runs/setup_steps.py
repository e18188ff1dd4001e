"""Which steps of a job run nothing of the repository's: what they print, no change has written."""

import re
from collections.abc import Mapping, Sequence

from cicd_agent.domain.events.workflow_run import JobRun
from cicd_agent.domain.text.patterns import load_patterns

_PATTERNS = load_patterns(__package__, "setup_steps")
_COMMANDS = re.compile(r"(?<!\\)\n|&&|;")


def setup_steps(job: JobRun, steps: Sequence[object]) -> tuple[str, ...]:
    """Their names, as GitHub knows them; `steps` are those of the job in the workflow's file, as far as it was read.

    The runner's own, those of well-known actions that fetch or set up, and scripts that only install packages. Some
    package managers run a script of the repository's own with that: so much is trusted here.
    """
    named: dict[str, list[bool]] = {}
    for step in steps:
        if isinstance(step, Mapping):
            uses, run = step.get("uses"), step.get("run")
            # What has no name is called after its action, or the first line of its script.
            name = step.get("name", f"Run {uses or str(run).strip().partition(chr(10))[0]}")
            named.setdefault(str(name).strip(), []).append(_is_setup(uses, run))
    return tuple(dict.fromkeys(step.name for step in job.steps if _is_outside(step.name, named)))


def _is_outside(name: str, named: Mapping[str, Sequence[bool]]) -> bool:
    known = named.get(name) or named.get(name.removeprefix("Post "))
    if known:
        return all(known)
    action = _PATTERNS["action"].fullmatch(name)
    return _PATTERNS["own"].fullmatch(name) is not None or (action is not None and _is_setup(action["uses"], None))


def _is_setup(uses: object, run: object) -> bool:
    if isinstance(uses, str):
        return _PATTERNS["uses"].fullmatch(uses.strip()) is not None
    if not isinstance(run, str):
        return False
    commands = [" ".join(each.replace("\\\n", " ").split()) for each in _COMMANDS.split(run)]
    return all(_PATTERNS["plain"].fullmatch(each) for each in commands if each and not each.startswith("#"))
