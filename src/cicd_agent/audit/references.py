"""What entries of a chain say of others, checked: removals of its beginning, and what became of runs."""

from collections.abc import Mapping
from typing import Any, Final

from cicd_agent.audit.row import Reading
from cicd_agent.audit.tampering import Break, Removed, Tampering
from cicd_agent.domain.audit_entry import Kind

_RUN: Final = 1
_ANSWERED: Final = 2
_OTHER: Final = 3
_PAGE: Final = 4_096


class Told:
    """Follows a chain from its beginning. It keeps two bits' worth of each entry, in a byte."""

    def __init__(self) -> None:
        self.removals: dict[int, Removed] = {}
        """By the number of the last entry that each removed."""
        self._pages: dict[int, bytearray] = {}

    def hear(self, seq: int, reading: Reading, first: int) -> Break | None:
        """Take an entry in; what is wrong with what it says. `first` is the number with which the chain begins."""
        if reading.kind is Kind.RUN:
            self._note(seq, _RUN)
            return None
        self._note(seq, _OTHER)
        if reading.told is None or not reading.seq:
            return None
        if reading.kind is Kind.RECEIPTS:
            return self._receipts(seq, reading.told, first)
        return self._prune(seq, reading.told, first)

    @property
    def removed(self) -> Removed | None:
        """The removal that reaches farthest."""
        return self.removals[max(self.removals)] if self.removals else None

    def _receipts(self, seq: int, told: Mapping[str, Any], first: int) -> Break | None:
        of = _number(told.get("of"))
        if of is None:
            return Break(seq, Tampering.RECEIPTS, "it says what became of a run, but not of which")
        if of < first:
            return None  # removed with the beginning
        match self._known(of):
            case _ if of >= seq:
                wrong = f"it says what became of #{of}, which is not before it"
            case 0:
                return None  # it is missing, which is said elsewhere
            case noted if noted == _RUN:
                self._note(of, _ANSWERED)
                return None
            case noted if noted == _ANSWERED:
                wrong = f"it says what became of #{of}, of which another entry says that already"
            case _:
                wrong = f"it says what became of #{of}, which is no run"
        return Break(seq, Tampering.RECEIPTS, wrong)

    def _prune(self, seq: int, told: Mapping[str, Any], first: int) -> Break | None:
        begins, last, hashed = _number(told.get("first")), _number(told.get("last")), told.get("hash")
        if begins is None or last is None or not isinstance(hashed, str) or not 1 <= begins <= last < seq:
            return Break(seq, Tampering.PRUNE, "it says that entries were removed, but not which")
        range_ = f"#{begins} to #{last}"
        if last >= first:
            return Break(seq, Tampering.PRUNE, f"it says that {range_} were removed, but #{max(begins, first)} is here")
        before = self.removed
        if before is not None and begins != before.last + 1:
            wrong = f"it says that {range_} were removed, but #{before.by} says that all up to #{before.last} were"
            return Break(seq, Tampering.PRUNE, wrong)
        self.removals[last] = Removed(seq, begins, last, hashed)
        return None

    def _note(self, seq: int, what: int) -> None:
        page, place = divmod(seq, _PAGE)
        if page not in self._pages:
            self._pages[page] = bytearray(_PAGE)
        self._pages[page][place] = what

    def _known(self, seq: int) -> int:
        page, place = divmod(seq, _PAGE)
        return self._pages[page][place] if page in self._pages else 0


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
