"""The project's own Python as a run in the sandbox gets it: the interpreter, what it may read, and what was added."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cicd_agent.domain.ports.test_runner import Interpreter


@dataclass(frozen=True, slots=True)
class Toolchain:
    """`overlay` is a directory of packages that the interpreter lacks, found after its own; None when it lacks none.

    `readable` are the directories that the sandbox has to show (the interpreter's, its environment's, the overlay),
    `environment` is what the runs get beside the sandbox's own. `path_entry` says whether the test command puts the top
    of the tree on the module path, as `python -m pytest` does and `pytest` does not. `roots` are directories of the
    tree, by path from its top ("." is the top), that a session puts first on the module path, in this order: what an
    editable installation would find in the checkout has to be found in the copy. `without` are names at the top of the
    tree that are not copied: virtual environments, of which the interpreter's own is readable where it is.
    """

    interpreter: Interpreter
    python: Path
    overlay: Path | None = None
    readable: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    """Of the test command, after `pytest`."""
    path_entry: bool = True
    roots: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
