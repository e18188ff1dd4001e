"""What files of scripting languages import, as far as their statements name files."""

import re
from collections.abc import Iterator

from cicd_agent.modes.analyse_failure.imports.path_index import Sources, folder_of, joined

_JS = re.compile(
    r"""\b(?:from|import|require|mock|unmock|importActual|requireActual)\s{0,20}\(?\s{0,20}['"`]([^'"`\n]{1,300})['"`]"""
)
_JS_ENDS = ("", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte", ".json", ".d.ts")
_JS_INDEX = tuple(f"/index{end}" for end in _JS_ENDS[1:])
_JS_ALIAS = re.compile(r"^(?:@|~|#|src|app)/")

_RUBY = re.compile(r"""^\s*(require_relative|require|load)[ \t(]{1,20}['"]([^'"\n]{1,300})['"]""", re.MULTILINE)
_CONSTANT = re.compile(r"\b[A-Z]\w{2,80}(?:::[A-Z]\w{1,80}){0,6}")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_PHP_USE = re.compile(r"^\s*use[ \t]+(?:function[ \t]+|const[ \t]+)?\\?([\w\\]{1,300})", re.MULTILINE)
_PHP_FILE = re.compile(r"""\b(?:require|include)(?:_once)?\b[^;'"\n]{0,80}['"]([^'"\n]{1,300})['"]""")


def javascript(path: str, text: str, sources: Sources) -> Iterator[str]:
    """Relative imports, and those from the usual aliases of the source folder; packages are nobody's change."""
    folder = folder_of(path)
    for name in dict.fromkeys(_JS.findall(text)):
        if name.startswith("."):
            yield from _js_file(joined(folder, name), sources)
        elif _JS_ALIAS.match(name):
            inner = name.partition("/")[2]
            for root in ("", "src", "app", *_above(folder)):
                yield from _js_file(joined(root, inner), sources)


def _js_file(path: str, sources: Sources) -> Iterator[str]:
    if not path:
        return
    # TypeScript may name what its output will be called.
    stem = path.rpartition(".")[0] if path.endswith((".js", ".jsx", ".mjs", ".cjs")) else path
    found = sources.first(*(path + end for end in (*_JS_ENDS, *_JS_INDEX)), *(stem + end for end in _JS_ENDS[1:]))
    if found:
        yield found


def ruby(path: str, text: str, sources: Sources) -> Iterator[str]:
    """Required files, and those that a framework loads by the names of their constants."""
    folder = folder_of(path)
    for how, name in _RUBY.findall(text):
        file = name if name.endswith(".rb") else f"{name}.rb"
        if how == "require_relative":
            yield from (found for found in [sources.first(joined(folder, file))] if found)
        else:
            named = sources.first(f"lib/{file}", file, f"spec/{file}", f"test/{file}", joined(folder, file))
            yield from (found for found in [named or sources.only(file)] if found)
    for constant in dict.fromkeys(_CONSTANT.findall(text)):
        tail = "/".join(_HUMP.sub("_", part).lower() for part in constant.split("::"))
        yield from (found for found in [sources.only(f"{tail}.rb")] if found)


def php(path: str, text: str, sources: Sources) -> Iterator[str]:
    """Used classes, whose namespace ends like their file's path, included files, and classes beside this one."""
    folder = folder_of(path)
    for name in dict.fromkeys(_PHP_USE.findall(text)):
        parts = [part for part in name.split("\\") if part]
        for start in range(len(parts)):
            if found := sources.only("/".join(parts[start:]) + ".php"):
                yield found
                break
    for name in dict.fromkeys(_PHP_FILE.findall(text)):
        inner = name.lstrip("/")
        yield from (found for found in [sources.first(joined(folder, inner), inner)] if found)
    yield from (found for found in sources.named_in(text, {"php"}) if folder_of(found) == folder)


def _above(folder: str) -> Iterator[str]:
    """The source folders of the packages around a folder of a repository that holds several."""
    while folder:
        yield from (folder, f"{folder}/src")
        folder = folder_of(folder)
