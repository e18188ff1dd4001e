"""Which files of the repository a file uses: how far a failing test reaches, and whether the change is there."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from cicd_agent.modes.analyse_failure.imports.compiled import c_like, go, jvm, named_types, rust
from cicd_agent.modes.analyse_failure.imports.path_index import Sources
from cicd_agent.modes.analyse_failure.imports.python import python
from cicd_agent.modes.analyse_failure.imports.scripts import javascript, php, ruby

LONGEST = 500_000
"""Characters of a file that are read."""
MOST = 400
"""Files of a reach: beyond that it is not known."""

_READERS: Mapping[str, Callable[[str, str, Sources], Iterator[str]]] = {
    **dict.fromkeys(("py", "pyi"), python),
    **dict.fromkeys(("js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "vue", "svelte"), javascript),
    "go": go,
    **dict.fromkeys(("java", "kt", "kts", "scala", "groovy"), jvm),
    "rs": rust,
    **dict.fromkeys(("c", "cc", "cpp", "cxx", "h", "hh", "hpp", "hxx", "m", "mm", "cu"), c_like),
    "rb": ruby,
    "php": php,
    **dict.fromkeys(("cs", "swift"), named_types),
}


def imports(path: str, text: str, paths: Collection[str]) -> tuple[str, ...]:
    """The files among `paths` that this one imports, each once. What is imported by a computed name is not seen."""
    return imported(path, text, Sources(paths))


def imported(path: str, text: str, sources: Sources) -> tuple[str, ...]:
    """The same with the paths looked up before, for many files of one repository."""
    reader = _READERS.get(_suffix(path))
    if reader is None:
        return ()
    return tuple(found for found in dict.fromkeys(reader(path, text[:LONGEST], sources)) if found != path)


def is_read(path: str) -> bool:
    """Whether imports are known in the language of a file."""
    return _suffix(path) in _READERS


def same_language(one: str, other: str) -> bool:
    """Whether the imports of one file could lead to the other."""
    return _READERS.get(_suffix(one)) is not None and _READERS.get(_suffix(one)) is _READERS.get(_suffix(other))


def reach(
    starts: Iterable[str],
    read: Callable[[Sequence[str]], Mapping[str, str]],
    paths: Collection[str],
    most: int = MOST,
) -> dict[str, tuple[str, ...]]:
    """What each file imports that can be reached from `starts`, as `FailedRun.imports` holds it.

    `read` gives the texts of so many files as can be read. A file whose text is missing has no entry: what it
    imports is not known.
    """
    sources, found = Sources(paths), dict[str, tuple[str, ...]]()
    wave = list(dict.fromkeys(start for start in starts if start in sources.paths))
    while wave and len(found) < most:
        texts = read(wave[: most - len(found)])
        found.update((path, imported(path, text, sources)) for path, text in texts.items())
        nearer = (path for read_path in texts for path in found[read_path])
        wave = [path for path in dict.fromkeys(nearer) if path not in found and is_read(path)]
    return found


def _suffix(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[2].lower()
