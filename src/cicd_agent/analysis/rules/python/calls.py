"""Python calls that let data become code or commands."""

import ast
from collections.abc import Iterator

from cicd_agent.analysis.rules.context import Look
from cicd_agent.analysis.rules.python.source import Called, PythonText, is_constant, names_in, values_of
from cicd_agent.analysis.rules.rule import Example, Hit, Rule
from cicd_agent.domain.finding import Category, Severity

_UNPICKLERS = frozenset(
    f"{module}.{function}"
    for module in ("pickle", "cPickle", "_pickle", "marshal", "dill", "cloudpickle")
    for function in ("load", "loads", "Unpickler")
) | {"shelve.open", "jsonpickle.decode", "pandas.read_pickle", "joblib.load"}
_SAFE_LOADERS = ("SafeLoader", "CSafeLoader", "BaseLoader", "CBaseLoader")
_SHELLS = frozenset(
    {"os.system", "os.popen", "commands.getoutput", "subprocess.getoutput", "subprocess.getstatusoutput"}
)
_REQUEST_DATA = frozenset(
    {"GET", "POST", "args", "form", "json", "query_params", "values", "body", "params", "cookies"}
)


def is_a_tool(path: str) -> bool:
    """Whether a file is part of a debugger or an interactive shell, whose business it is to run what is typed."""
    return any(word in path.lower() for word in ("debug", "pdb", "repl", "shell", "console"))


def _dynamic_code(look: Look) -> Iterator[Hit]:
    for text, called, line in look.calls:
        if called.name not in {"eval", "exec", "builtins.eval", "builtins.exec"} or called.name in text.defined:
            continue
        source = called.argument(0, "source")
        if source is None or is_constant(source):
            continue
        # What this file compiled itself is as trusted as the file that it came from.
        compiled = _is_compiled(text, called, source)
        compiled = compiled or is_a_tool(look.path)
        reached = any(_is_outside(name) for name in names_in(source)) or _reads_request(source)
        yield Hit(
            line,
            f"`{called.tail}` runs whatever text reaches it, with all the rights of this process.",
            severity=Severity.CRITICAL if reached else Severity.MEDIUM if compiled else None,
            confidence=0.95 if reached else 0.6 if compiled else 0.8,
            call=called.node,
        )


def _is_compiled(text: PythonText, called: Called, source: ast.expr) -> bool:
    """Whether what is run is a code object, by how it is made or annotated in the same function."""
    values = [source]
    if isinstance(source, ast.Name) and isinstance(called.inside, ast.FunctionDef | ast.AsyncFunctionDef):
        values += values_of(called.inside, source.id)
        arguments = called.inside.args
        for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            if argument.arg == source.id and text.name_of(argument.annotation).endswith("CodeType"):
                return True
    return any(isinstance(value, ast.Call) and text.name_of(value.func) == "compile" for value in values)


def _deserialisation(look: Look) -> Iterator[Hit]:
    for text, called, line in look.calls:
        if called.name in _UNPICKLERS and not _is_copy(text, called):
            yield Hit(
                line,
                f"`{called.name}` runs code that its input names: harmless only if nobody else can write that input.",
                confidence=0.75,
                call=called.node,
            )
        elif called.name in {"yaml.load", "yaml.load_all"} and not called.has_rest:
            loader = called.argument(1, "Loader")
            if loader is None or text.name_of(loader).rpartition(".")[2] in {"Loader", "UnsafeLoader", "CLoader"}:
                yield Hit(
                    line,
                    "`yaml.load` without a safe loader builds any Python object that the text asks for.",
                    suggestion=_safely(text, called, line) if loader is None else "",
                    call=called.node,
                )
        elif called.name in {"yaml.unsafe_load", "yaml.unsafe_load_all"}:
            yield Hit(
                line,
                f"`{called.name}` builds any Python object that the text asks for.",
                suggestion=_safely(text, called, line),
                call=called.node,
            )


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


def _shell(look: Look) -> Iterator[Hit]:
    for _, called, line in look.calls:
        if called.name in _SHELLS:
            command = called.argument(0, "cmd") or called.argument(0, "command")
        elif called.name.startswith("subprocess.") or called.name == "asyncio.create_subprocess_shell":
            shell = called.keyword("shell")
            if called.tail != "create_subprocess_shell" and not (
                isinstance(shell, ast.Constant) and shell.value is True
            ):
                continue
            command = called.argument(0, "args") or called.keyword("cmd")
        else:
            continue
        if command is None or is_constant(command) or _is_quoted(command):
            continue
        outside = any(_is_outside(name) for name in names_in(command)) or _reads_request(command)
        built = isinstance(command, ast.JoinedStr | ast.BinOp | ast.Call)
        yield Hit(
            line,
            f"`{called.name}` gives a command line that is put together at run time to a shell: "
            "a `;` or `$(…)` in any part of it is a command.",
            severity=Severity.CRITICAL if outside else None,
            confidence=0.95 if outside else 0.85 if built else 0.7,
            call=called.node,
        )


def _command_from_input(look: Look) -> Iterator[Hit]:
    for _, called, line in look.calls:
        shell = called.keyword("shell")
        if not called.name.startswith("subprocess.") or (isinstance(shell, ast.Constant) and shell.value is True):
            continue
        command = called.argument(0, "args")
        program = command.elts[0] if isinstance(command, ast.List | ast.Tuple) and command.elts else command
        if program is not None and (_reads_request(program) or "input" in set(names_in(program))):
            yield Hit(line, call=called.node)


def _is_outside(name: str) -> bool:
    return name in {"input", "argv", "request", "raw_input"}


def _reads_request(node: ast.expr) -> bool:
    """Whether an expression reads what a client sent: `request.args["q"]`, `self.request.POST.get(…)`."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and part.attr in _REQUEST_DATA:
            owner = part.value
            name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            if name in {"request", "req"}:
                return True
    return False


def _is_quoted(command: ast.expr) -> bool:
    return any(name in {"quote", "join", "list2cmdline"} for name in names_in(command)) and "shlex" in set(
        names_in(command)
    )


PYTHON_CALLS = (
    Rule(
        id="dynamic-code",
        since="0.1",
        title="Text is run as code",
        severity=Severity.HIGH,
        category=Category.SECURITY,
        looks_at="`eval` and `exec` of anything but a literal",
        why="Whoever can influence the text runs code with all the rights of this process.",
        remedy="Use `ast.literal_eval`, a parser for what is expected, or a table of the functions that may be named.",
        bad=Example("calc.py", "def total(text):\n    return eval(text)\n"),
        good=Example("calc.py", "import ast\n\n\ndef total(text):\n    return ast.literal_eval(text)\n"),
        check=_dynamic_code,
        confidence=0.8,
    ),
    Rule(
        id="unsafe-deserialisation",
        since="0.1",
        title="Deserialising can run code",
        severity=Severity.HIGH,
        category=Category.SECURITY,
        looks_at="`pickle`, `marshal`, `shelve`, `dill` and the like; `yaml.load` without a safe loader",
        why="These formats name the code to run while they are read.",
        remedy="Use JSON, or `yaml.safe_load`; sign what must be pickled and check the signature first.",
        bad=Example("store.py", "import yaml\n\n\ndef read(stream):\n    return yaml.load(stream)\n"),
        good=Example("store.py", "import yaml\n\n\ndef read(stream):\n    return yaml.safe_load(stream)\n"),
        check=_deserialisation,
    ),
    Rule(
        id="shell-injection",
        since="0.1",
        title="A shell runs a command put together from text",
        severity=Severity.HIGH,
        category=Category.SECURITY,
        looks_at="`shell=True`, `os.system`, `os.popen` with anything but a literal",
        why="A `;` or `$(…)` in any part of the text is a command.",
        remedy="Pass a list of arguments without a shell, or quote every part with `shlex.quote`.",
        bad=Example(
            "tool.py", 'import subprocess\n\n\ndef pack(name):\n    subprocess.run(f"tar cf {name}", shell=True)\n'
        ),
        good=Example("tool.py", 'import subprocess\n\n\ndef pack(name):\n    subprocess.run(["tar", "cf", name])\n'),
        check=_shell,
        confidence=0.85,
    ),
    Rule(
        id="command-from-input",
        since="0.1",
        title="A client chooses the program that is run",
        severity=Severity.CRITICAL,
        category=Category.SECURITY,
        looks_at="`subprocess` whose program is read from a request or from `input()`",
        why="Without a shell the arguments are safe from each other, but the program itself is the client's choice.",
        remedy="Look the wanted name up in a table of the commands that may be run.",
        bad=Example("view.py", 'import subprocess\n\n\ndef run(request):\n    subprocess.run([request.GET["tool"]])\n'),
        good=Example(
            "view.py",
            'import subprocess\n\nTOOLS = {"pack": "tar"}\n\n\ndef run(request):\n'
            '    tool = TOOLS[request.GET["tool"]]\n    subprocess.run([tool])\n',
        ),
        check=_command_from_input,
        confidence=0.9,
    ),
)
