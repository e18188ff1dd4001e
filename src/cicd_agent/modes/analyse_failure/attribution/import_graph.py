"""Which files of the repository a file uses by its imports: how far a failing test reaches."""

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from posixpath import normpath

from cicd_agent.agent.tools.names import parse
from cicd_agent.domain.text.patterns import load_patterns

_PATTERNS = load_patterns(__package__, "import_graph")
_JVM_ENDS = ("java", "kt", "scala", "groovy")
_C_ENDS = ("c", "cc", "cpp", "cxx", "m", "mm", "cu")
_ROOTS = ("", "src", "lib", "python")
_MAX_STRING = 200
_JS_ENDS = ("", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte", ".json", ".d.ts")
_JS_INDEX = tuple(f"/index{end}" for end in _JS_ENDS[1:])
MAX_TEXT = 500_000
MAX_REACH = 400
"""Files of a reach: beyond that it is not known."""


class PathIndex:
    """All files of a repository, looked up once for many imports."""

    __slots__ = ("_by_name", "_by_stem", "all_folders", "folders", "paths")

    def __init__(self, paths: Collection[str]) -> None:
        self.paths = frozenset(paths)
        self.folders: dict[str, list[str]] = {}
        self._by_name: dict[str, list[str]] = {}
        self._by_stem: dict[str, list[str]] = {}
        for path in sorted(self.paths):
            folder, _, name = path.rpartition("/")
            self.folders.setdefault(folder, []).append(path)
            self._by_name.setdefault(name, []).append(path)
            self._by_stem.setdefault(name.partition(".")[0], []).append(path)
        self.all_folders = frozenset(parent for folder in self.folders for parent in (*_with_parents(folder), ""))

    def first(self, *candidates: str) -> Sequence[str]:
        return [path for path in candidates if path in self.paths][:1]

    def ending(self, tail: str) -> Sequence[str]:
        named = self._by_name.get(tail.rpartition("/")[2], ())
        return [path for path in named if path == tail or path.endswith(f"/{tail}")]

    def only(self, tail: str) -> Sequence[str]:
        """The file whose path ends so; none when there are several."""
        targets = self.ending(tail)
        return targets if len(targets) == 1 else ()

    def named_in(self, text: str, suffixes: Collection[str]) -> Iterator[str]:
        """The files whose stem is an identifier in the text, where files are called by what they define."""
        for word in dict.fromkeys(_PATTERNS["word"].findall(text)):
            for path in self._by_stem.get(word, ()):
                if path.rpartition(".")[2] in suffixes:
                    yield path


def folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def join(folder: str, relative: str) -> str:
    """A relative path taken from a folder; it begins with `..` when it leads out of the repository."""
    return normpath(f"./{folder}/{relative}")


def go(path: str, text: str, index: PathIndex) -> Iterator[str]:
    folders = {folder_of(path): path.endswith("_test.go")}
    for match in _PATTERNS["go_block"].finditer(text):
        for name in _PATTERNS["quoted"].findall(match[1] or match[2] or ""):
            parts = name.split("/")
            # A module is a host with an owner and a name, or one word; the standard library has neither.
            starts = range(1, len(parts)) if "." in parts[0] else range(min(2, len(parts)))
            tails = ["/".join(parts[start:]) for start in starts]
            # Host, owner, module: the package at the top.
            tails += [""] if "." in parts[0] and len(parts) <= 3 else []  # noqa: PLR2004
            folder = next((tail for tail in tails if tail in index.folders), None)
            if folder is not None:
                folders.setdefault(folder, False)
    for folder, with_tests in folders.items():
        for file in index.folders.get(folder, ()):
            if file.endswith(".go") and (with_tests or not file.endswith("_test.go")):
                yield file


def jvm(path: str, text: str, index: PathIndex) -> Iterator[str]:
    for name, more in _PATTERNS["jvm_import"].findall(text):
        parts = name.split(".")
        if more:
            yield from (target for target in index.named_in(text, _JVM_ENDS) if _is_in(target, "/".join(parts)))
        for end in (len(parts), len(parts) - 1):
            for suffix in _JVM_ENDS if end > 1 else ():
                yield from index.ending("/".join(parts[:end]) + f".{suffix}")
    declared = _PATTERNS["jvm_package"].search(text)
    package = declared[1].replace(".", "/") if declared else ""
    for target in index.named_in(text, _JVM_ENDS):
        if folder_of(target) == folder_of(path) or (package and _is_in(target, package)):
            yield target


def _is_in(path: str, package: str) -> bool:
    return f"/{folder_of(path)}".endswith(f"/{package}")


def c_like(path: str, text: str, index: PathIndex) -> Iterator[str]:
    folder = folder_of(path)
    for name in dict.fromkeys(_PATTERNS["include"].findall(text)):
        for header in index.first(join(folder, name), name, f"include/{name}", f"src/{name}") or index.ending(name)[:1]:
            yield header
            stem = header.rpartition("/")[2].rpartition(".")[0]
            for suffix in _C_ENDS:
                yield from index.ending(f"{stem}.{suffix}")


def rust(path: str, text: str, index: PathIndex) -> Iterator[str]:
    folder, name = folder_of(path), path.rpartition("/")[2]
    own = folder if name in {"mod.rs", "lib.rs", "main.rs"} else join(folder, name.removesuffix(".rs"))
    for module in _PATTERNS["mod"].findall(text):
        base = join(own, module)
        yield from index.first(f"{base}.rs", f"{base}/mod.rs", join(folder, f"{module}.rs"))
    crate = _PATTERNS["rust_crate"].match(path)
    root = f"{crate[1]}src" if crate else "src"
    named = _PATTERNS["rust_path"].findall(text)
    named += [(first, "", group) for first, group in _PATTERNS["rust_group"].findall(text)]
    for first, rest, group in named:
        for tail in group.split(","):
            parts = [part for part in (*rest.split("::"), *tail.strip().split("::")) if part]
            yield from _rust_path(first, parts, own, root, index)


def _rust_path(first: str, parts: list[str], own: str, root: str, index: PathIndex) -> Iterator[str]:
    where = {"self": own, "super": folder_of(own)}.get(first, root)
    # Any other first word may be the name of this crate, as its tests and examples call it.
    if first not in {"self", "super"}:
        yield from index.first(f"{root}/lib.rs", f"{root}/main.rs")
    for part in parts:
        where = join(where, part)
        yield from index.first(f"{where}.rs", f"{where}/mod.rs")


def python(path: str, text: str, index: PathIndex) -> Iterator[str]:
    """The modules and their packages, conftest.py where pytest loads it, and files that a string names in full."""
    folder = folder_of(path)
    for module, name in _named(text):
        yield from _module(module, name, folder, index)
    name = path.rpartition("/")[2]
    if name == "conftest.py" or name.startswith("test") or name.endswith("_test.py"):
        for parent in (*_with_parents(folder), ""):
            yield from index.first(join(parent, "conftest.py"))


def _named(text: str) -> Iterator[tuple[str, str]]:
    """Module (relative ones with their dots) and the name that is taken from it, "" for the module itself."""
    tree = parse(text)
    if tree is None:
        for match in _PATTERNS["line"].finditer(text):
            if match[3]:
                yield from ((part.split()[0], "") for part in match[3].split(",") if part.strip())
            else:
                yield from ((match[1], part.split()[0]) for part in match[2].split(",") if part.strip())
                yield match[1], ""
        return
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((alias.name, "") for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = "." * level + (module or "")
                yield base, ""
                yield from ((base, alias.name) for alias in names)
            case ast.Constant(value=str(value)) if len(value) <= _MAX_STRING and (
                "/" in value or _PATTERNS["module"].fullmatch(value)
            ):
                # `python -m pkg.tool`, `patch("pkg.client.post")`, a script that a test starts: dynamic, but literal.
                yield value, "/" if "/" in value else ""
            case _:
                pass


def _module(module: str, name: str, folder: str, index: PathIndex) -> Iterator[str]:
    if name == "/":
        yield from (target for target in index.only(join("", module)) if target.endswith(".py"))
        return
    dots = len(module) - len(module.lstrip("."))
    parts = [part for part in module.split(".") if part]
    names = [*parts, name] if name else parts
    if dots:
        yield from _below(join(folder, "../" * (dots - 1)) if dots > 1 else folder, names, index)
        return
    for root in dict.fromkeys([*_ROOTS, *_with_parents(folder)]):
        targets = list(_below(root, names, index))
        yield from targets
        if any(not each.endswith("__init__.py") for each in targets) or (targets and not name):
            return
    if len(parts) > 1:
        yield from index.only("/".join(parts) + ".py")


def _below(where: str, parts: list[str], index: PathIndex) -> Iterator[str]:
    if not parts:
        yield from index.first(join(where, "__init__.py"))
    for part in parts:
        where = join(where, part)
        if module := index.first(f"{where}.py", f"{where}.pyi"):
            yield from module
            return
        package = index.first(f"{where}/__init__.py")
        yield from package
        if not package and where not in index.all_folders:
            return


def _with_parents(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = folder_of(folder)


def javascript(path: str, text: str, index: PathIndex) -> Iterator[str]:
    folder = folder_of(path)
    for name in dict.fromkeys(_PATTERNS["js"].findall(text)):
        if name.startswith("."):
            yield from _js_file(join(folder, name), index)
        elif _PATTERNS["js_alias"].match(name):
            inner = name.partition("/")[2]
            # In a repository of several packages, the source folder may be that of the package.
            packages = (root for parent in _with_parents(folder) for root in (parent, f"{parent}/src"))
            for root in ("", "src", "app", *packages):
                yield from _js_file(join(root, inner), index)


def _js_file(path: str, index: PathIndex) -> Iterator[str]:
    # TypeScript may name what its output will be called.
    stem = path.rpartition(".")[0] if path.endswith((".js", ".jsx", ".mjs", ".cjs")) else path
    yield from index.first(*(path + end for end in (*_JS_ENDS, *_JS_INDEX)), *(stem + end for end in _JS_ENDS[1:]))


def ruby(path: str, text: str, index: PathIndex) -> Iterator[str]:
    folder = folder_of(path)
    for how, name in _PATTERNS["ruby"].findall(text):
        file = name if name.endswith(".rb") else f"{name}.rb"
        if how == "require_relative":
            yield from index.first(join(folder, file))
        else:
            usual = index.first(f"lib/{file}", file, f"spec/{file}", f"test/{file}", join(folder, file))
            yield from usual or index.only(file)
    for constant in dict.fromkeys(_PATTERNS["ruby_constant"].findall(text)):
        tail = "/".join(_PATTERNS["hump"].sub("_", part).lower() for part in constant.split("::"))
        yield from index.only(f"{tail}.rb")


def php(path: str, text: str, index: PathIndex) -> Iterator[str]:
    folder = folder_of(path)
    for name in dict.fromkeys(_PATTERNS["php_use"].findall(text)):
        parts = [part for part in name.split("\\") if part]
        tails = ("/".join(parts[start:]) + ".php" for start in range(len(parts)))
        yield from next(filter(None, map(index.only, tails)), ())
    for name in dict.fromkeys(_PATTERNS["php_file"].findall(text)):
        inner = name.lstrip("/")
        yield from index.first(join(folder, inner), inner)
    yield from (target for target in index.named_in(text, {"php"}) if folder_of(target) == folder)


_READERS: Mapping[str, Callable[[str, str, PathIndex], Iterator[str]]] = {
    **dict.fromkeys(("py", "pyi"), python),
    **dict.fromkeys(("js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "vue", "svelte"), javascript),
    "go": go,
    **dict.fromkeys(("java", "kt", "kts", "scala", "groovy"), jvm),
    "rs": rust,
    **dict.fromkeys(("c", "cc", "cpp", "cxx", "h", "hh", "hpp", "hxx", "m", "mm", "cu"), c_like),
    "rb": ruby,
    "php": php,
    **dict.fromkeys(("cs", "swift"), lambda path, text, index: index.named_in(text, {_suffix(path)})),
}


def imports(path: str, text: str, index: PathIndex) -> tuple[str, ...]:
    """The files that this one imports, each once. What is imported by a computed name is not seen."""
    reader = _READERS.get(_suffix(path))
    if reader is None:
        return ()
    return tuple(target for target in dict.fromkeys(reader(path, text[:MAX_TEXT], index)) if target != path)


def is_read(path: str) -> bool:
    return _suffix(path) in _READERS


def same_language(one: str, other: str) -> bool:
    return _READERS.get(_suffix(one)) is not None and _READERS.get(_suffix(one)) is _READERS.get(_suffix(other))


def reach(
    starts: Iterable[str],
    read: Callable[[Sequence[str]], Mapping[str, str]],
    paths: Collection[str],
    max_files: int = MAX_REACH,
) -> dict[str, tuple[str, ...]]:
    """What each file imports that can be reached from `starts`, as `FailedRun.imports` holds it.

    `read` gives the texts that can be read: of a file without a text it is not known what it imports.
    """
    index, target = PathIndex(paths), dict[str, tuple[str, ...]]()
    wave = list(dict.fromkeys(start for start in starts if start in index.paths))
    while wave and len(target) < max_files:
        texts = read(wave[: max_files - len(target)])
        target.update((path, imports(path, text, index)) for path, text in texts.items())
        nearer = (path for read_path in texts for path in target[read_path])
        wave = [path for path in dict.fromkeys(nearer) if path not in target and is_read(path)]
    return target


def _suffix(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[2].lower()
