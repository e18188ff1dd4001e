"""What files of compiled languages use: by import, by include, and by the names of types where those name files."""

import re
from collections.abc import Iterator

from cicd_agent.modes.analyse_failure.imports.path_index import Sources, folder_of, joined

_GO_BLOCK = re.compile(r"^import\s{0,20}(?:\(([^)]{0,20000})\)|([^\n(]{0,300}))", re.MULTILINE)
_QUOTED = re.compile(r'"([^"\n]{1,300})"')

_JVM_IMPORT = re.compile(
    r"^\s*import[ \t]+(?:static[ \t]+)?([\w.]{1,300}?)(\.[*_]|\.\{[^}\n]{0,500}\})?[ \t]*(?:;|as\b|$)", re.MULTILINE
)
_JVM_PACKAGE = re.compile(r"^\s*package[ \t]+([\w.]{1,300})", re.MULTILINE)
_JVM_ENDS = ("java", "kt", "scala", "groovy")

_INCLUDE = re.compile(r'^\s*#\s{0,20}(?:include|import)\s{0,20}["<]([^">\n]{1,300})[">]', re.MULTILINE)
_C_ENDS = ("c", "cc", "cpp", "cxx", "m", "mm", "cu")

_MOD = re.compile(r"^\s*(?:pub(?:\([^)\n]{0,80}\))?\s{1,20})?mod\s{1,20}(\w{1,80})\s{0,20};", re.MULTILINE)
_RUST_PATH = re.compile(r"\b(\w{1,80})((?:::\w{1,80}){1,12})(?:::\{([^}]{0,500})\})?")
_RUST_GROUP = re.compile(r"\b(\w{1,80})::\{([^}]{0,500})\}")


def go(path: str, text: str, sources: Sources) -> Iterator[str]:
    """The package's own files, and those of the packages whose import path ends in a folder of the repository."""
    yield from _go_package(folder_of(path), sources, tests=path.endswith("_test.go"))
    for match in _GO_BLOCK.finditer(text):
        for name in _QUOTED.findall(match[1] or match[2] or ""):
            parts = name.split("/")
            # A module is a host with an owner and a name, or one word; the standard library has neither.
            starts = range(1, len(parts)) if "." in parts[0] else range(min(2, len(parts)))
            for start in starts:
                folder = "/".join(parts[start:])
                if folder in sources.folders:
                    yield from _go_package(folder, sources, tests=False)
                    break
            else:
                if "." in parts[0] and len(parts) <= 3:  # noqa: PLR2004  host, owner, module: the package at the top
                    yield from _go_package("", sources, tests=False)


def _go_package(folder: str, sources: Sources, *, tests: bool) -> Iterator[str]:
    for file in sources.folders.get(folder, ()):
        if file.endswith(".go") and (tests or not file.endswith("_test.go")):
            yield file


def jvm(path: str, text: str, sources: Sources) -> Iterator[str]:
    """Imported classes, and those of the same package that the text names, in whatever source set they lie."""
    for name, more in _JVM_IMPORT.findall(text):
        parts = name.split(".")
        if more:
            package = "/".join(parts)
            named = (found for found in sources.named_in(text, _JVM_ENDS) if _lies_in(found, package))
            yield from named
        for end in (len(parts), len(parts) - 1):
            yield from (
                found
                for suffix in _JVM_ENDS
                for found in sources.ending("/".join(parts[:end]) + f".{suffix}")
                if end > 1
            )
    declared = _JVM_PACKAGE.search(text)
    package = declared[1].replace(".", "/") if declared else ""
    for found in sources.named_in(text, _JVM_ENDS):
        if folder_of(found) == folder_of(path) or (package and _lies_in(found, package)):
            yield found


def _lies_in(path: str, package: str) -> bool:
    folder = folder_of(path)
    return folder == package or folder.endswith(f"/{package}")


def c_like(path: str, text: str, sources: Sources) -> Iterator[str]:
    """Included headers of the repository, and the files that implement them."""
    folder = folder_of(path)
    for name in dict.fromkeys(_INCLUDE.findall(text)):
        beside = sources.first(joined(folder, name), name, f"include/{name}", f"src/{name}")
        for header in [beside] if beside else sources.ending(name)[:1]:
            yield header
            stem = header.rpartition("/")[2].rpartition(".")[0]
            for suffix in _C_ENDS:
                yield from sources.ending(f"{stem}.{suffix}")


def rust(path: str, text: str, sources: Sources) -> Iterator[str]:
    """Modules that are declared, and those that a path names, from the crate's root or from here."""
    folder, name = folder_of(path), path.rpartition("/")[2]
    own = folder if name in {"mod.rs", "lib.rs", "main.rs"} else joined(folder, name.removesuffix(".rs"))
    for module in _MOD.findall(text):
        base = joined(own, module)
        yield from (
            found for found in [sources.first(f"{base}.rs", f"{base}/mod.rs", joined(folder, f"{module}.rs"))] if found
        )
    root = _crate(path)
    for first, rest, group in _RUST_PATH.findall(text):
        tails = [part.strip().split("::") for part in group.split(",")] if group else [[]]
        for tail in tails:
            yield from _rust_path(first, [*rest.strip(":").split("::"), *tail], own, root, sources)
    for first, group in _RUST_GROUP.findall(text):
        for part in group.split(","):
            yield from _rust_path(first, part.strip().split("::"), own, root, sources)


def _rust_path(first: str, parts: list[str], own: str, root: str, sources: Sources) -> Iterator[str]:
    where = {"self": own, "super": folder_of(own)}.get(first, root)
    # Any other first word may be the name of this crate, as its tests and examples call it.
    if first not in {"self", "super"} and (found := sources.first(f"{root}/lib.rs", f"{root}/main.rs")):
        yield found
    for part in parts:
        where = joined(where, part)
        if found := sources.first(f"{where}.rs", f"{where}/mod.rs"):
            yield found


def _crate(path: str) -> str:
    """The source folder of the crate that a file belongs to."""
    parts = path.split("/")[:-1]
    for at in range(len(parts) - 1, -1, -1):
        if parts[at] == "src":
            return "/".join(parts[: at + 1])
        if parts[at] in {"tests", "benches", "examples"}:
            return "/".join([*parts[:at], "src"])
    return "src"


def named_types(path: str, text: str, sources: Sources) -> Iterator[str]:
    """The files that are called like a type that the text names: these languages import by namespace alone."""
    yield from sources.named_in(text, {path.rpartition(".")[2]})
