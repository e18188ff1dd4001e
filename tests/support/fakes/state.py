"""What earlier runs have left, as a double of our own port: it has what it is given, from whomever."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cicd_agent.domain.facts import Fact, FactKind, FactSet
from cicd_agent.domain.ports.storage import State


@dataclass
class FakeState(State):
    """`facts` may be of any repository: a file that others can write holds what they like. `asked` is what was read."""

    facts: Sequence[Fact] = ()
    trusted: bool = False
    refuses: str = ""
    asked: list[tuple[FactKind, str, str]] = field(default_factory=list)

    def find(self, kind: FactKind, subject: str = "", sha: str = "", limit: int = 20) -> FactSet:
        self.asked.append((kind, subject, sha))
        if self.refuses:
            return FactSet(limits=(self.refuses,))
        found = [
            each for each in self.facts if each.kind is kind and subject in ("", each.subject) and sha in ("", each.sha)
        ]
        return FactSet(tuple(found[:limit]), self.trusted)
