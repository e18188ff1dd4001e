"""Python calls that let data become code, commands, queries or files."""

import ast
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import TABLES, FileContext
from cicd_agent.analysis.rules.python.source import Called, PythonText, is_constant, names_in
from cicd_agent.analysis.rules.rule import Hit
from cicd_agent.domain.finding import Severity

_CALLS = TABLES["python"]
_BUILDS = "builds any Python object that the text asks for."
_OUTSIDE = frozenset({"input", "argv", "request", "raw_input"})


def is_a_tool(path: str) -> bool:
    return any(word in path.lower() for word in ("debug", "pdb", "repl", "shell", "console"))


def dynamic_code(context: FileContext) -> Iterator[Hit]:
    for text, called, line in context.calls:
        if called.name not in {"eval", "exec", "builtins.eval", "builtins.exec"} or called.name in text.defined:
            continue
        source = called.argument(0, "source")
        if source is None or is_constant(source):
            continue
        # What this file compiled itself is as trusted as the file that it came from.
        compiled = _is_compiled(text, called, source) or is_a_tool(context.path)
        reached = _is_from_outside(source)
        yield Hit(
            line,
            f"`{called.tail}` executes any text that reaches it, with all the rights of this process.",
            severity=Severity.CRITICAL if reached else Severity.MEDIUM if compiled else None,
            confidence=0.95 if reached else 0.6 if compiled else 0.8,
            call=called.node,
        )


def _is_compiled(text: PythonText, called: Called, source: ast.expr) -> bool:
    """Whether what is run is a code object, by how it is made or annotated in the same function."""
    values = [source]
    if isinstance(source, ast.Name) and isinstance(called.inside, ast.FunctionDef | ast.AsyncFunctionDef):
        values += text.values_of(called.inside, source.id)
        arguments = called.inside.args
        for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            if argument.arg == source.id and text.name_of(argument.annotation).endswith("CodeType"):
                return True
    return any(isinstance(value, ast.Call) and text.name_of(value.func) == "compile" for value in values)


def unsafe_deserialisation(context: FileContext) -> Iterator[Hit]:
    for text, called, line in context.calls:
        if called.name in _CALLS["unpicklers"] and not _is_copy(text, called):
            message = "runs code that its input names: harmless only if nobody else can write that input."
            yield Hit(line, f"`{called.name}` {message}", confidence=0.75, call=called.node)
        elif called.name in {"yaml.load", "yaml.load_all"} and not called.has_rest:
            loader = called.argument(1, "Loader")
            if loader is None or text.name_of(loader).rpartition(".")[2] in {"Loader", "UnsafeLoader", "CLoader"}:
                suggestion = _safely(text, called, line) if loader is None else ""
                message = f"`yaml.load` without a safe loader {_BUILDS}"
                yield Hit(line, message, suggestion=suggestion, call=called.node)
        elif called.name in {"yaml.unsafe_load", "yaml.unsafe_load_all"}:
            suggestion = _safely(text, called, line)
            yield Hit(line, f"`{called.name}` {_BUILDS}", suggestion=suggestion, call=called.node)


def _safely(text: PythonText, called: Called, line: int) -> str:
    """The line with the safe function of the same module; a name that was imported alone would need another import."""
    function = called.node.func
    if not isinstance(function, ast.Attribute):
        return ""
    safe = f"safe_{function.attr.removeprefix('unsafe_')}"
    return text.line_with(function, f"{ast.unparse(function.value)}.{safe}", line)


def _is_copy(text: PythonText, called: Called) -> bool:
    """Whether the bytes were made in the same expression: `pickle.loads(pickle.dumps(x))`."""
    data = called.argument(0, "data")
    return isinstance(data, ast.Call) and text.name_of(data.func).rpartition(".")[2] == "dumps"


def shell_injection(context: FileContext) -> Iterator[Hit]:
    for _, called, line in context.calls:
        if called.name in _CALLS["shells"]:
            command = called.argument(0, "cmd") or called.argument(0, "command")
        elif called.name.startswith("subprocess.") or called.name == "asyncio.create_subprocess_shell":
            if called.tail != "create_subprocess_shell" and not _uses_shell(called):
                continue
            command = called.argument(0, "args") or called.keyword("cmd")
        else:
            continue
        names = set(names_in(command)) if command is not None else set()
        quoted = "shlex" in names and not names.isdisjoint({"quote", "join", "list2cmdline"})
        if command is None or is_constant(command) or quoted:
            continue
        outside = _is_from_outside(command)
        built = isinstance(command, ast.JoinedStr | ast.BinOp | ast.Call)
        yield Hit(
            line,
            f"`{called.name}` passes a command line built at run time to a shell: "
            "a `;` or `$(…)` in any part of it is a command.",
            severity=Severity.CRITICAL if outside else None,
            confidence=0.95 if outside else 0.85 if built else 0.7,
            call=called.node,
        )


def command_from_input(context: FileContext) -> Iterator[Hit]:
    for _, called, line in context.calls:
        if not called.name.startswith("subprocess.") or _uses_shell(called):
            continue
        command = called.argument(0, "args")
        program = command.elts[0] if isinstance(command, ast.List | ast.Tuple) and command.elts else command
        if program is not None and (_reads_request(program) or "input" in set(names_in(program))):
            yield Hit(line, call=called.node)


def _uses_shell(called: Called) -> bool:
    shell = called.keyword("shell")
    return isinstance(shell, ast.Constant) and shell.value is True


def _is_from_outside(node: ast.expr) -> bool:
    return not _OUTSIDE.isdisjoint(names_in(node)) or _reads_request(node)


def _reads_request(node: ast.expr) -> bool:
    """Whether an expression reads what a client sent: `request.args["q"]`, `self.request.POST.get(…)`."""
    return any(
        isinstance(part, ast.Attribute)
        and part.attr in _CALLS["request-data"]
        and (getattr(part.value, "id", "") or getattr(part.value, "attr", "")) in {"request", "req"}
        for part in ast.walk(node)
    )


_EXECUTORS = frozenset({"execute", "executemany", "executescript", "raw", "exec_driver_sql", "mogrify"})
_SQL_STARTS = ("select ", "insert into ", "update ", "delete from ", "replace into ")


def sql_injection(context: FileContext) -> Iterator[Hit]:
    for text, called, line in context.calls:
        if called.tail not in _EXECUTORS or not called.node.args:
            continue
        query = called.node.args[0]
        if isinstance(query, ast.Call) and text.name_of(query.func).rpartition(".")[2] == "text" and query.args:
            query = query.args[0]
        if isinstance(query, ast.Name) and isinstance(called.inside, ast.FunctionDef | ast.AsyncFunctionDef):
            # A local variable that is assigned exactly once stands for its value.
            values = text.values_of(called.inside, query.id)
            query = values[0] if len(values) == 1 else query
        if _is_built_sql(query):
            names = _only_names_tables(query)
            yield Hit(
                context.first_added(line, query.lineno) or line,
                "The statement is concatenated from text: a quote in any part of it ends the string and starts SQL.",
                severity=Severity.MEDIUM if names else None,
                confidence=0.6 if names else 0.9,
                call=None if query is not called.node.args[0] else called.node,
            )


def _is_built_sql(query: ast.expr) -> bool:
    match query:
        case ast.JoinedStr(values=[ast.Constant(value=str(head)), *rest]):
            return _is_sql(head) and not all(isinstance(part, ast.Constant) or _is_upper(part) for part in rest)
        case ast.BinOp(left=left, op=ast.Mod(), right=right):
            return _is_sql(_head(left)) and not is_constant(right)
        case ast.BinOp(op=ast.Add()):
            return _is_sql(_head(query)) and not is_constant(query)
        case ast.Call(func=ast.Attribute(value=value, attr="format")):
            return _is_sql(_head(value))
        case _:
            return False


def _head(node: ast.expr) -> str:
    while isinstance(node, ast.BinOp):
        node = node.left
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_sql(text: str) -> bool:
    return text.lstrip().lower().startswith(_SQL_STARTS)


def _is_upper(part: ast.expr) -> bool:
    """Whether an inserted value is a constant by convention: `{TABLE}`."""
    return isinstance(part, ast.FormattedValue) and all(name.isupper() for name in names_in(part.value))


def _only_names_tables(query: ast.expr) -> bool:
    """Whether everything inserted is called a table, a column or the like: names cannot be bound as parameters."""
    inserted = {name.lower() for name in names_in(query) if name != "format"}
    return bool(inserted) and all(
        any(word in name for word in ("table", "column", "field", "schema", "placeholder", "quote", "order", "meta"))
        for name in inserted
    )


def archive_extraction(context: FileContext) -> Iterator[Hit]:
    for text, called, line in context.calls:
        if called.tail != "extractall" or called.has_rest or called.keyword("filter") is not None:
            continue
        if called.keyword("members") is not None or not text.imported("tarfile"):
            continue
        # A ZipFile in the same file is told by its variable's name at best; zipfile strips `..` by itself.
        confidence = 0.6 if text.imported("zipfile") else 0.8
        if "zip" not in called.name.lower():
            yield Hit(line, confidence=confidence, call=called.node)


def temp_file_race(context: FileContext) -> Iterator[Hit]:
    for _, called, line in context.calls:
        if called.name == "tempfile.mktemp":
            yield Hit(line, call=called.node)
