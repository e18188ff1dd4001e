"""What a run leaves for the next one on the same pull request: a sealed entry beside the kept answers."""

import hmac
from collections.abc import Sequence
from typing import Final

from cicd_agent.adapters.cache.blob_store import Kind, Shelves, Wrong
from cicd_agent.domain.signature import seal, unseal

MEMORIES: Final = Kind("memory", "what was reviewed", r"memory-[0-9a-f]{64}\.json", 200)


class Memories:
    """Memories on shelves, one entry for each thing that they are about, whose name only the key's owner can tell."""

    def __init__(self, shelves: Shelves, *, secret: bytes) -> None:
        self._shelves = shelves
        self._secret = secret

    def read(self, about: str) -> tuple[str, ...]:
        """The lines that were left about this; none when there are none, and with a note when they are not ours."""

        def judge(raw: bytes) -> tuple[str, ...] | Wrong:
            return unseal(raw.decode("utf-8", "replace"), self._secret, about) or Wrong.DAMAGED

        return self._shelves.find(self._name(about), judge) or ()

    def write(self, about: str, lines: Sequence[str]) -> None:
        sealed = seal(lines, self._secret, about)
        self._shelves.put({self._name(about): sealed.encode()} if sealed else {})

    def _name(self, about: str) -> str:
        named = hmac.digest(self._secret, f"name {about}".encode("utf-8", "surrogatepass"), "sha256")
        return f"memory-{named.hex()}.json"
