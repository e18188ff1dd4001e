"""What `--fix` writes after gen-tests: the tests that were kept."""

from cicd_agent.domain.evidence import Evidence
from cicd_agent.domain.text.words import count
from cicd_agent.modes.gen_tests.evidence import TEST_EVIDENCE
from cicd_agent.modes.gen_tests.result import Generated
from cicd_agent.modes.protocol import Edit, Edits

_NOTHING = "no test was kept: there is nothing to put into the working tree"


def edits(generated: Generated | None, evidence: Evidence | None) -> Edits:
    tests = evidence.get(TEST_EVIDENCE) if evidence else None
    if generated is None or tests is None:
        return Edits(patch=generated.patch if generated else "", nothing=_NOTHING)
    return Edits(
        tuple(
            Edit(
                path,
                tests.modules.get(path),
                text,
                (f"wrote {path}: {count(_kept_in(path, generated), 'test')} added",),
                (f"not written {path}",),
            )
            for path, text in generated.files.items()
        ),
        generated.patch,
        nothing=_NOTHING,
    )


def _kept_in(path: str, generated: Generated) -> int:
    return sum(generated.homes.get(each.candidate.key) == path for each in generated.kept)
