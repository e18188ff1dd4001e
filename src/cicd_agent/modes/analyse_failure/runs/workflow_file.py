"""What a workflow's file says of its jobs: which one needs which, and which may fail."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

_LARGEST = 200_000
"""Characters; GitHub takes no workflow of more than 512 kB, and nobody writes one by hand that is half as long."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One job of the file: `id` is its key, `name` what it is shown as ("" where an expression makes it up)."""

    id: str
    name: str
    needs: tuple[str, ...] = ()
    tolerant: bool = False
    """`continue-on-error`; an expression counts as no."""


def job_specs(text: str) -> tuple[JobSpec, ...]:
    """The jobs of a workflow; none when the text is no workflow."""
    if len(text) > _LARGEST or text.count("&") > 50:  # noqa: PLR2004  aliases can make a small file a huge one
        return ()
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return ()
    jobs = document.get("jobs") if isinstance(document, Mapping) else None
    return tuple(_specs(jobs)) if isinstance(jobs, Mapping) else ()


def _specs(jobs: Mapping[object, object]) -> Iterator[JobSpec]:
    for key, job in jobs.items():
        if not isinstance(job, Mapping):
            continue
        name = job.get("name", key)
        needs = job.get("needs", ())
        listed = [needs] if isinstance(needs, str) else needs if isinstance(needs, list) else []
        yield JobSpec(
            id=str(key),
            name="" if "${{" in str(name) else str(name),
            needs=tuple(str(need) for need in listed),
            tolerant=job.get("continue-on-error") is True,
        )


def spec_of(name: str, specs: tuple[JobSpec, ...]) -> JobSpec | None:
    """The job of the file that the API calls `name`: with its matrix in brackets, or below the job that calls it."""
    shown = name.partition(" / ")[0]
    plain = shown.partition(" (")[0]
    for wanted in (name, shown, plain):
        found = [spec for spec in specs if wanted in {spec.name, spec.id}]
        if len(found) == 1:
            return found[0]
    return None
