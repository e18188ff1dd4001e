"""What a piece of Python says, as a digest, and which names it uses."""

import ast
import hashlib
import re
from collections.abc import Iterable
from typing import Final

VALUE: Final = "="
"""Before a name whose value goes elsewhere, as an argument does: who gets it can look at more than its result."""
STORED: Final = ">"
"""Before a global name that is set, and an attribute of what is no variable of the function."""
ATTRIBUTE: Final = "."
"""Before the name of an attribute."""
COMPUTED: Final = "getattr()"
"""Stands for attributes whose names are made at run time."""
LOADED: Final = "import()"
"""Stands for modules whose names are made at run time."""
GLOBALS: Final = "globals()"
"""Stands for all names of a module."""
READING_HEADS: Final = frozenset(
    {"signature", "getfullargspec", "get_type_hints", "help", "getdoc", ".signature", ".getfullargspec",
     ".get_type_hints", ".getdoc", ".__code__", ".__defaults__", ".__kwdefaults__", ".__annotations__", ".__wrapped__",
     ".__doc__"}
)  # fmt: skip
"""Names by which code looks at the signature or the text of functions and classes that it does not name."""
READING_NAMES: Final = READING_HEADS | {"getmembers", ".getmembers", "vars", "dir", GLOBALS, ".__dict__", COMPUTED}
"""Names by which code looks at attributes that it does not name."""

_WORD: Final = re.compile(r"[^\W\d]\w*")
_WORDS: Final = 1_000
"""Characters of a string above which it is text, and names nothing."""
_IGNORED: Final = frozenset({"ctx", "type_comment", "type_ignores", "kind"})
_BY_NAME: Final = frozenset({"getattr", "hasattr", "delattr", "setattr", "import_module", "__import__"})
_ATTRIBUTE: Final = frozenset({"getattr", "hasattr", "delattr", "setattr"})


class Reading:
    """Reads nodes. `names` are variables, ATTRIBUTEs, and words in strings, by which `getattr` may find something."""

    def __init__(self, *values: object) -> None:
        self.names: set[str] = set()
        self.calls = False
        self._spelt: list[str] = []
        self._local: set[str] = set()
        self._not_local: set[str] = set()
        self._stored: set[tuple[str, str]] = set()
        self._within = 0
        """Depth of what has variables of its own."""
        for value in values:
            self._read(value)

    @property
    def digest(self) -> str:
        return digest(self._spelt)

    def names_of_function(self, function: str, arguments: Iterable[ast.arg]) -> frozenset[str]:
        """Without its variables, which are nobody else's."""
        local = (self._local | {each.arg for each in arguments}) - self._not_local
        # What a variable has was given by who calls, but for the class of a class method; a metaclass makes that.
        given = local if function.startswith("__") else local - {"cls"}
        stored = {STORED + name for root, name in self._stored if root not in given}
        return frozenset((self.names | stored) - local - {f"{VALUE}{name}" for name in local})

    def _read(self, value: object, *, stays: bool = False) -> None:
        """Spell a node, the same in every version of Python that reads it."""
        match value:
            case ast.Expr(value=ast.Constant(value=constant)):
                self._spelt.append(repr(constant))
            case ast.AST():
                if isinstance(value, ast.Name | ast.Attribute):
                    self._name(value, stays=stays)
                else:
                    self._note(value)
                self.calls |= isinstance(value, ast.Call | ast.Await)
                within = isinstance(value, ast.ClassDef | ast.comprehension)
                self._within += within
                self._spelt.append(f"{type(value).__name__}(")
                for name in value._fields:
                    part = getattr(value, name, None)
                    # What is empty is left out: which fields there are differs from version to version.
                    if name not in _IGNORED and part is not None and part != []:
                        self._spelt.append(name)
                        self._read(part, stays=_stays(value, name) or (stays and isinstance(value, ast.Tuple)))
                self._spelt.append(")")
                self._within -= within
            case list() | tuple():
                self._spelt.append("[")
                for each in value:
                    self._read(each, stays=stays)
                self._spelt.append("]")
            case _:
                self._spelt.append(f"{type(value).__name__} {value!r}")

    def _name(self, node: ast.Name | ast.Attribute, *, stays: bool) -> None:
        name = last_name(node)
        key = name if isinstance(node, ast.Name) else ATTRIBUTE + name
        self.names.add(key)
        match node:
            case ast.Name(ctx=ast.Load()) | ast.Attribute(ctx=ast.Load()):
                if not stays:
                    self.names.add(VALUE + key)
            case ast.Name():
                self._bound(name)
            case _:
                self._stored.add((root_name(node), key))

    def _bound(self, name: str) -> None:
        (self._not_local if self._within else self._local).add(name)

    def _note(self, node: ast.AST) -> None:
        names = self.names
        match node:
            case ast.Constant(value=str(text)) if len(text) <= _WORDS:
                for word in _WORD.findall(text):
                    names |= {word, ATTRIBUTE + word, VALUE + ATTRIBUTE + word}
            case ast.alias(name=name):
                for part in name.split("."):
                    names |= {part, VALUE + part}
            case ast.keyword(arg=str(name)):
                names.add(ATTRIBUTE + name)
            case ast.MatchClass(kwd_attrs=attributes):
                names |= {ATTRIBUTE + name for name in attributes}
            case ast.Global(names=shared) | ast.Nonlocal(names=shared):
                names |= {STORED + name for name in shared}
                self._not_local |= {*shared}
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                self._bound(name)
            case ast.Call(func=function, args=arguments):
                self._computed(last_name(function), arguments)
            case _:
                pass

    def _computed(self, function: str, arguments: list[ast.expr]) -> None:
        if function in {"globals", "vars", "dir"} and not arguments:
            self.names.add(GLOBALS)
        if function not in _BY_NAME:
            return
        match arguments[1 if function in _ATTRIBUTE else 0 :][:1]:
            case [ast.Constant(value=str(text))]:
                if function == "setattr":
                    self.names.add(STORED + ATTRIBUTE + text)
                elif function not in _ATTRIBUTE:
                    self.names |= {VALUE + part for part in text.split(".")}
            case _:
                self.names.add(COMPUTED if function in _ATTRIBUTE else LOADED)


def _stays(node: ast.AST, field: str) -> bool:
    """Whether a name in this field of a node is called, asked for an attribute, compared: its value goes nowhere."""
    match node:
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass")):
            return True
        case ast.Attribute() | ast.Compare() | ast.ExceptHandler():
            return True
        case _:
            return field in {"func", "bases", "annotation", "returns"}


def digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def last_name(node: ast.AST) -> str:
    """The last name of "a.b.c", "a.b.c(…)" and "a.b.c[…]"; "" for what has none."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=inner) | ast.Call(func=inner):
            return last_name(inner)
        case _:
            return ""


def root_name(node: ast.AST) -> str:
    """The first name of "a.b.c(…)[…]", "" for what begins with none."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Call(func=inner):
            return root_name(inner)
        case _:
            return ""
