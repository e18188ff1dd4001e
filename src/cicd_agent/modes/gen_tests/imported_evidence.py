"""Evidence of tests that another job gathered: nothing of a trial that this job has not seen."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.ports.forge import Library, Repository
from cicd_agent.domain.repository.library import EntryKind, Unreadable
from cicd_agent.domain.text.words import first_names
from cicd_agent.domain.trials.candidate import keyed
from cicd_agent.errors import ConfigError
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE, TestEvidence


def verify_imported(evidence: Evidence, name: str, repository: Repository | None) -> Evidence:
    """The evidence without any trial, once the test modules in it are found to be those of the checkout."""
    tests, change = evidence.get(TEST_EVIDENCE), evidence.change
    if tests is None:
        return evidence
    if tests.modules and change is not None and repository is not None:
        try:
            other = tuple(unlike(tests.modules, repository.library(change)))
        except Unreadable as error:
            raise ConfigError("the project's tests cannot be read", why=str(error)) from None
        if other:
            # New tests are put between what stands there: that must not come from a file.
            reason = f"it has another text than the checkout of {first_names(other)}"
            raise ConfigError(f"{name} is the evidence of something else", why=reason, remedy="Gather it again")
    return evidence.put(TEST_EVIDENCE, untried(tests))


def untried(tests: TestEvidence) -> TestEvidence:
    """The tests that were brought, to be tried here: what the file says of their trial is nothing that we have seen.

    A key that does not fit what it stands for was not made by us.
    """
    hunt = tests.hunt
    if hunt is not None:
        hunt = replace(hunt, found=tuple(replace(each, patch="", refused=()) for each in hunt.found))
    proposed = tuple(each for each in tests.proposed if keyed(each) == each)
    return replace(tests, proposed=proposed, screened=(), settled=None, hunt=hunt)


def unlike(modules: Mapping[str, str], library: Library) -> Iterator[str]:
    """Paths whose text is not what the commit has there."""
    files = {path: entry for path, entry in library.entries.items() if entry.kind is EntryKind.FILE}
    here = [path for path, text in modules.items() if path in files and files[path].size == len(_encode(text))]
    contents = library.contents([files[path] for path in here])
    same = {path for path, content in zip(here, contents, strict=True) if content == _encode(modules[path])}
    yield from (path for path in modules if path not in same)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
