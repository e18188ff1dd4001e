"""Python calls that let data become code, commands, queries or files."""

import ast
from collections.abc import Iterator

from cicd_agent.core.finding import Category, Severity
from cicd_agent.modes.review.rulebook.look import Look
from cicd_agent.modes.review.rulebook.python_text import Called, PythonText, is_constant, names_in
from cicd_agent.modes.review.rulebook.rule import Example, Hit, Rule

_UNPICKLERS = frozenset(
    f"{module}.{function}"
    for module in ("pickle", "cPickle", "_pickle", "marshal", "dill", "cloudpickle")
    for function in ("load", "loads", "Unpickler")
) | {"shelve.open", "jsonpickle.decode", "pandas.read_pickle", "joblib.load"}
_SAFE_LOADERS = ("SafeLoader", "CSafeLoader", "BaseLoader", "CBaseLoader")
_SHELLS = frozenset(
    {"os.system", "os.popen", "commands.getoutput", "subprocess.getoutput", "subprocess.getstatusoutput"}
)
_EXECUTORS = frozenset({"execute", "executemany", "executescript", "raw", "exec_driver_sql", "mogrify"})
_SQL_WORDS = ("select ", "insert into ", "update ", "delete from ", "replace into ")
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
        if isinstance(source, ast.Name):
            source = _only_value(called, source.id) or source
        compiled = isinstance(source, ast.Call) and text.name_of(source.func) == "compile"
        compiled = compiled or is_a_tool(look.path)
        reached = any(_is_outside(name) for name in names_in(source)) or _reads_request(source)
        yield Hit(
            line,
            f"`{called.tail}` runs whatever text reaches it, with all the rights of this process.",
            severity=Severity.CRITICAL if reached else Severity.MEDIUM if compiled else None,
            confidence=0.95 if reached else 0.6 if compiled else 0.8,
            call=called.node,
        )


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
                    call=called.node,
                )
        elif called.name in {"yaml.unsafe_load", "yaml.unsafe_load_all"}:
            yield Hit(line, f"`{called.name}` builds any Python object that the text asks for.", call=called.node)


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


def _sql(look: Look) -> Iterator[Hit]:
    for text, called, line in look.calls:
        if called.tail not in _EXECUTORS or not called.node.args:
            continue
        query = called.node.args[0]
        if isinstance(query, ast.Call) and text.name_of(query.func).rpartition(".")[2] == "text" and query.args:
            query = query.args[0]
        if isinstance(query, ast.Name):
            query = _only_value(called, query.id) or query
        if _is_built_sql(query):
            names = _only_names_tables(query)
            yield Hit(
                look.first_added(line, query.lineno) or line,
                "This statement is put together from text: a quote in any part of it ends the string and starts SQL.",
                severity=Severity.MEDIUM if names else None,
                confidence=0.6 if names else 0.9,
                call=None if query is not called.node.args[0] else called.node,
            )


def _only_value(called: Called, name: str) -> ast.expr | None:
    """The value of a local variable that is assigned exactly once in the enclosing function."""
    if called.inside is None or isinstance(called.inside, ast.Lambda):
        return None
    values = [
        node.value
        for node in ast.walk(called.inside)
        if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == name for to in node.targets)
    ]
    return values[0] if len(values) == 1 else None


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
    """The literal text that an expression begins with."""
    while isinstance(node, ast.BinOp):
        node = node.left
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _is_sql(text: str) -> bool:
    return text.lstrip().lower().startswith(_SQL_WORDS)


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


def _extraction(look: Look) -> Iterator[Hit]:
    for text, called, line in look.calls:
        if called.tail != "extractall" or called.has_rest or called.keyword("filter") is not None:
            continue
        if called.keyword("members") is not None or not text.imported("tarfile"):
            continue
        # A ZipFile in the same file is told by its variable's name at best; zipfile strips `..` by itself.
        confidence = 0.6 if text.imported("zipfile") else 0.8
        if "zip" not in called.name.lower():
            yield Hit(line, confidence=confidence, call=called.node)


def _temp_file(look: Look) -> Iterator[Hit]:
    for _, called, line in look.calls:
        if called.name == "tempfile.mktemp":
            yield Hit(line, call=called.node)


PYTHON_CALLS = (
    Rule(
        id="dynamic-code",
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
    Rule(
        id="sql-injection",
        title="SQL is put together from text",
        severity=Severity.HIGH,
        category=Category.SECURITY,
        looks_at="f-strings, `%`, `+` and `.format` given to `execute` and its kin",
        why="A quote in any part of the text ends the string and starts SQL.",
        remedy="Pass the values as parameters: `execute(statement, values)`.",
        bad=Example(
            "db.py", "def user(cursor, name):\n    cursor.execute(f\"SELECT * FROM users WHERE name = '{name}'\")\n"
        ),
        good=Example(
            "db.py", 'def user(cursor, name):\n    cursor.execute("SELECT * FROM users WHERE name = ?", (name,))\n'
        ),
        check=_sql,
        confidence=0.9,
    ),
    Rule(
        id="archive-extraction",
        title="A tar archive may write anywhere",
        severity=Severity.MEDIUM,
        category=Category.SECURITY,
        looks_at="`extractall` of a tar archive without `filter=` or `members=`",
        why="Members named `../x`, or that pass through a link, are written outside the target (before Python 3.14).",
        remedy='Pass `filter="data"`.',
        bad=Example(
            "unpack.py",
            "import tarfile\n\n\ndef unpack(path):\n    with tarfile.open(path) as tar:\n        tar.extractall()\n",
        ),
        good=Example(
            "unpack.py",
            "import tarfile\n\n\ndef unpack(path):\n    with tarfile.open(path) as tar:\n"
            '        tar.extractall(filter="data")\n',
        ),
        check=_extraction,
        confidence=0.8,
    ),
    Rule(
        id="temp-file-race",
        title="A temporary name that somebody else may take",
        severity=Severity.MEDIUM,
        category=Category.SECURITY,
        looks_at="`tempfile.mktemp`",
        why="Between the name and the file, another process can put a link there.",
        remedy="Use `tempfile.mkstemp` or `NamedTemporaryFile`, which create the file.",
        bad=Example("scratch.py", "import tempfile\n\n\ndef scratch():\n    return tempfile.mktemp()\n"),
        good=Example("scratch.py", "import tempfile\n\n\ndef scratch():\n    return tempfile.mkstemp()\n"),
        check=_temp_file,
    ),
)
