"""What a model may say when it is asked for tests: pieces of a test module, in the shape of a strict schema."""

from cicd_agent.domain.candidate import Candidate, Expectation, Origin, keyed
from cicd_agent.domain.verdict import Draft

MOST_TESTS = 12
"""Of one answer: more would be variations."""
_LONGEST = 300


class ProposedTest(Draft):
    """One test function. prompt.md says what each field is for, once."""

    name: str
    imports: tuple[str, ...]
    code: str
    expected_from: Expectation
    quote: str | None
    why: str


class TestsDraft(Draft):
    """The answer to the question for tests of one function; `nothing` says why there are none."""

    __test__ = False

    tests: tuple[ProposedTest, ...]
    nothing: str | None


def candidates(draft: TestsDraft, path: str, function: str) -> tuple[Candidate, ...]:
    """The tests of a draft as candidates for a function, each once."""
    found = (
        keyed(
            Candidate(
                key="",
                path=path,
                function=function,
                name=test.name.strip(),
                imports=tuple(line.strip() for text in test.imports for line in text.splitlines() if line.strip()),
                code=test.code.strip("\n"),
                origin=Origin.MODEL,
                expectation=test.expected_from,
                quote=(test.quote or "").strip(),
                why=" ".join(test.why.split())[:_LONGEST],
            )
        )
        for test in draft.tests[:MOST_TESTS]
    )
    return tuple({each.key: each for each in found}.values())
