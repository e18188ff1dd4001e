"""What a diagnosis may name: files of the repository and of the change, and the commits since the last green run."""

from dataclasses import dataclass

from cicd_agent.domain.change import Change
from cicd_agent.domain.evidence import Evidence
from cicd_agent.modes.analyse_failure.evidence import FAILED_RUN, Candidate, FailedRun

SHORTEST = 7
"""Digits of a commit's id that name it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """`changed` are the files of the change, `paths` these and every other that is known.

    Unless that `is_whole`, a file that exists may be missing from `paths`: it is not named then, for nothing shows
    that it is there.
    """

    changed: frozenset[str]
    paths: frozenset[str]
    candidates: tuple[Candidate, ...]
    is_whole: bool

    @classmethod
    def of(cls, evidence: Evidence) -> "Scope":
        """As the evidence shows it. Without a change, what the commits since the last green run left is it."""
        failed, change = evidence.get(FAILED_RUN) or FailedRun(), evidence.change
        touched = frozenset(path for each in failed.candidates for path in each.lines)
        changed = _changed(change) if change else touched
        places = frozenset(place.path for job in failed.jobs for place in job.places)
        known = frozenset(change.paths) if change else frozenset()
        return cls(changed, changed | touched | places | known, failed.candidates, bool(known))

    def holds(self, path: str) -> bool:
        """Whether there is such a file."""
        return path in self.paths

    def commit(self, said: str) -> Candidate | None:
        """The commit since the last green run that an id, or the beginning of one, names."""
        name = said.strip().lower()
        found = [each for each in self.candidates if len(name) >= SHORTEST and each.commit.sha.startswith(name)]
        return found[0] if len(found) == 1 else None


def _changed(change: Change) -> frozenset[str]:
    return frozenset(path for file in change.files for path in (file.path, file.old_path))
