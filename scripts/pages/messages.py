"""Every message that a run can end with, warn with or note, read from the source: a new one appears by itself.

What a message holds of a run, such as a path, is shown as `<name>`. A text that is put together elsewhere and handed
over whole cannot be read from the source; such calls are left out.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from cicd_agent import errors
from scripts.pages.rows import table

ROOT: Final = Path(__file__).resolve().parents[2]
DEEPEST: Final = 4
"""How many names are followed from one to the next."""
ERRORS: Final[Mapping[str, type[errors.AgentError]]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.AgentError) and kind is not errors.AgentError
}
DERIVED: Final = {
    "Unsettled": "ForgeRefused",
    "SandboxUnavailable": "ConfigError",
    "PytestUnavailable": "ConfigError",
    "GitFailed": "ConfigError",
}
LAUNCHER: Final = frozenset({"Refused", "NoRuntimeError", "NotInstalled"})
NOTES: Final = frozenset({"warn", "note"})
SUBJECTS: Final = (
    ("Installing and starting the action", ("launch/",)),
    ("Settings, inputs and the command line", ("settings/", "cli/", "app/console", "app/context", "app/main")),
    ("Checkout and history", ("adapters/git/", "domain/repository/", "app/security/guards")),
    ("GitHub", ("adapters/github/", "adapters/performers/", "adapters/forge")),
    (
        "Models",
        ("adapters/models/", "agent/", "app/model_router", "adapters/fake_model", "adapters/cache", "app/cache"),
    ),
    (
        "Audit log and accounts",
        ("audit/", "insights/", "adapters/storage/", "app/storage", "app/recorder", "cli/audit"),
    ),
    ("Sandbox, tests and patches", ("adapters/sandbox", "adapters/test_runner", "adapters/toolchain", "domain/trials")),
    ("deploy-gate", ("modes/deploy_gate/",)),
    ("gen-tests", ("modes/gen_tests/",)),
    ("analyse-failure and logs", ("modes/analyse_failure/", "analysis/")),
    ("review and route", ("modes/",)),
    ("The run itself", ("",)),
)
PAGE: Final = """\
# Messages

{mark}

Find your message with the browser's search: take words that name nothing of yours. `<…>` stands for what a run fills
in. An error is one line, `cicd-agent: what (why). What to do.`, in the log and in the step summary; the number is its
[exit code](exit-codes.md) in a mode that fails. A **note** is no error: it says what a run left out, and stands in the
log, or under the limits of the report.

The messages that people meet most, with longer answers, are in [troubleshooting](../how-to/troubleshooting.md).
"""


@dataclass(frozen=True, slots=True, order=True)
class Message:
    """One text of the source: what it says, why, what to do, and the exit code where it ends a run."""

    what: str
    why: str
    remedy: str
    code: str


def page(mark: str) -> str:
    """docs/reference/messages.md."""
    found: dict[str, set[Message]] = {title: set() for title, _ in SUBJECTS}
    for path in sources():
        found[subject(path)].update(messages(path.read_text("utf-8")))
    parts = [PAGE.format(mark=mark).rstrip()]
    for title, said in found.items():
        rows = ((code(each.what), each.code, code(each.why), prose(each.remedy)) for each in sorted(said))
        if said:
            parts += [f"## {title}", table(("message", "code", "why", "what to do"), rows)]
    return "\n\n".join(parts) + "\n"


def sources() -> Iterator[Path]:
    """Every module that can say something."""
    yield from chain(sorted((ROOT / "launch").glob("*.py")), sorted((ROOT / "src/cicd_agent").rglob("*.py")))


def subject(path: Path) -> str:
    """The heading that the messages of a module stand under."""
    name = f"{path.relative_to(ROOT)}".removeprefix("src/cicd_agent/")
    best = max((start for _, starts in SUBJECTS for start in starts if name.startswith(start)), key=len)
    return next(title for title, starts in SUBJECTS if best in starts)


def messages(source: str) -> Iterator[Message]:
    """Those of one module."""
    tree = ast.parse(source)
    shared = assigned(tree.body)
    for function, call in calls(tree):
        known = {**shared, **(assigned(ast.walk(function)) if function else {})}
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        name = DERIVED.get(name, name)
        given = {"what": call.args[0]} if call.args else {}
        given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        what, why, remedy = (text(given.get(part), known) for part in ("what", "why", "remedy"))
        if not re.search(r"[a-z]{3}", re.sub(r"<[^>]*>", "", what)):
            continue
        if name in ERRORS:
            yield Message(
                what, "" if is_bare(why) else why, "" if is_bare(remedy) else remedy, f"{ERRORS[name].exit:d}"
            )
        elif name in LAUNCHER:
            yield Message(what, "", "", "2")
        elif name in NOTES or (name == "append" and "limits" in ast.unparse(call.func)):
            yield Message(what, "", "", "note")


def calls(tree: ast.Module) -> Iterator[tuple[ast.AST | None, ast.Call]]:
    """Each call, with the function that it stands in."""
    stack: list[tuple[ast.AST | None, ast.AST]] = [(None, tree)]
    while stack:
        function, node = stack.pop()
        if isinstance(node, ast.Call):
            yield function, node
        inner = node if isinstance(node, ast.FunctionDef) else function
        stack += [(inner, child) for child in ast.iter_child_nodes(node)]


def assigned(nodes: "Iterator[ast.AST] | list[ast.stmt]") -> dict[str, ast.expr]:
    """The texts that names are given; of a name with several, none."""
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(target := node.targets[0], ast.Name):
            found.setdefault(target.id, []).append(node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            found.setdefault(node.target.id, []).append(node.value)
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def text(node: ast.expr | None, known: Mapping[str, ast.expr], depth: int = 0) -> str:  # noqa: PLR0911  one for each kind
    """What an expression says, with `<name>` for what only a run knows."""
    match node:
        case None:
            return ""
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=values):
            return "".join(text(value, known, depth) for value in values)
        case ast.FormattedValue(value=value):
            return text(value, known, depth)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return text(left, known, depth) + text(right, known, depth)
        case ast.IfExp(body=body, orelse=orelse):
            either = [said for part in (body, orelse) if (said := text(part, known, depth))]
            return either[0] if len(either) == 1 else f"[{' / '.join(either)}]"
        case ast.Name(id=name) if name in known and depth < DEEPEST and is_text(known[name]):
            return text(known[name], known, depth + 1)
        case _:
            return f"<{label(node)}>"


def is_text(node: ast.expr) -> bool:
    """Whether an assigned value is a text that can be read here."""
    return isinstance(node, (ast.JoinedStr, ast.IfExp)) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def is_bare(said: str) -> bool:
    """Whether nothing of it can be read from the source."""
    return re.fullmatch(r"<[^<>]*>", said) is not None


def label(node: ast.expr) -> str:
    """The last name in an expression: what a reader can guess the value by."""
    names = re.findall(r"[A-Za-z_]\w*", re.sub(r"(['\"]).*?\1", "", ast.unparse(node)))
    kept = [
        name for name in names if name not in {"str", "len", "printable", "self", "for", "in", "if", "else", "join"}
    ]
    return (kept[-1] if kept else "value").strip("_").replace("_", " ").lower() or "value"


def code(said: str) -> str:
    """A text on one line, as code where it is not empty."""
    line = " ".join(said.split())
    return f"`` {line} ``" if "`" in line else f"`{line}`" if line else ""


def prose(said: str) -> str:
    """A text on one line as it is, with no `<…>` taken for HTML outside of code."""
    parts = re.split(r"(`[^`]*`)", " ".join(said.split()))
    return "".join(part if part.startswith("`") else part.replace("<", "\\<") for part in parts)
