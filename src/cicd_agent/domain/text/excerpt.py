"""Keeps of a long text what its reader needs: how it begins and how it ends."""


class Excerpt:
    """The beginning and the end of a text that comes in pieces, at most so many characters, and the gap's size."""

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._head = ""
        self._tail = ""
        self._length = 0

    def add(self, piece: str) -> None:
        self._length += len(piece)
        free = self._half - len(self._head)
        if free:
            self._head += piece[:free]
            piece = piece[free:]
        if piece:
            self._tail = (self._tail + piece[-self._half :])[-self._half :]

    def __bool__(self) -> bool:
        return bool(self._head.strip() or self._tail.strip())

    def __str__(self) -> str:
        missing = self._length - len(self._head) - len(self._tail)
        gap = f"\n… {missing:,} characters left out …\n" if missing else ""
        return f"{self._head}{gap}{self._tail}"
