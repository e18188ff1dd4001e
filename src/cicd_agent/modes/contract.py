"""What each mode shows to its user: the inputs that mean something to it, and the permissions that its job needs.

The sub-actions, the tables of the documents, `cicd-agent init` and `cicd-agent doctor` are made of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

RUN_INPUTS: Final = (
    "github-token",
    "working-directory",
    "config-file",
    "organisation-config",
    "runtime",
    "index-url",
    "timeout-minutes",
    "state-dir",
    "metrics-file",
    "slack-webhook-url",
    "slack-token",
)
"""The inputs of every run."""
MODEL_INPUTS: Final = (
    "openai-api-key",
    "base-url",
    "model-headers",
    "model",
    "max-cost-usd",
    "cache-dir",
)
"""The inputs of a run that asks a model."""
SHARED_INPUTS: Final = frozenset((*RUN_INPUTS, *MODEL_INPUTS))


@dataclass(frozen=True, slots=True)
class Permission:
    """One line of a job's `permissions:`; `only_for` is the setting that makes it necessary, "" when the mode is.

    What is `optional` makes something possible that is left out without it, and no setting asks for it.
    """

    name: str
    access: Literal["read", "write"]
    why: str
    only_for: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Contract:
    """`decisions` are the words of its output `decision`, or of what stands for it; each may also decline or fail.

    `history` is why its job checks out the whole history. `outputs` describes those that the root action.yml has not.
    """

    inputs: tuple[str, ...]
    permissions: tuple[Permission, ...]
    decisions: tuple[str, ...]
    history: str
    outputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def needed(self) -> tuple[Permission, ...]:
        return tuple(each for each in self.permissions if not each.only_for and not each.optional)
