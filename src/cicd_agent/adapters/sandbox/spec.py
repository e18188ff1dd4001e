"""What a launcher has to know about one run, as it travels to it: the box, its view of the machine, and the limits."""

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class View:
    """What of the machine the command can see. Everything else is not there, or cannot be opened."""

    readable: tuple[str, ...]
    """Files and directories to read and to run."""
    writable: tuple[str, ...]
    devices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Box:
    """One run. Nothing in here is a secret: the command can read it."""

    command: tuple[str, ...]
    environment: dict[str, str]
    room: str
    """Holds the copy and all that is written; what it takes on the disk is what is counted."""
    directory: str
    """The copy, in which the command starts."""
    view: View
    limits: dict[str, float]
    """The fields of domain.sandbox.Limits."""
    confined: bool
    """False: nothing keeps the command in, and only the limits hold."""
    wrapper: tuple[str, ...] = ()
    """The command line that makes namespaces and runs the rest of the line in them; empty: there are none."""
    user: int | None = None
    """The user that root becomes; None: stay who we are."""
    landlock: int = 0
    """The version of Landlock to use, 0 for none."""
    caller: int = 0
    """The process for which this is done, and which it must not outlive."""
    status: int = -1
    """The descriptor on which to say how the start went."""

    def dump(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def load(cls, data: bytes) -> "Box":
        """From JSON that `dump` has written."""
        given: dict[str, Any] = json.loads(data)
        view = View(**{name: tuple(value) for name, value in given.pop("view").items()})
        command, wrapper = tuple(given.pop("command")), tuple(given.pop("wrapper"))
        return cls(command=command, wrapper=wrapper, view=view, **given)
