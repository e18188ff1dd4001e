"""Which modules a proposed test may import, and which of their members it may use."""

import ast
import sys

from cicd_agent.analysis.python_tests.static.scope import Scope, listed, refuse, within

# Modules that can neither reach outside of the test nor give another answer the next time.
_HARMLESS = listed(
    "abc argparse array base64 binascii bisect calendar cmath codecs collections configparser copy csv"
    " dataclasses decimal difflib email enum errno fnmatch fractions functools hashlib heapq hmac html io"
    " ipaddress itertools json keyword math numbers operator pathlib pprint queue re shlex statistics string"
    " struct textwrap tomllib typing unicodedata urllib.parse warnings zlib zoneinfo pytest hypothesis"
    " typing_extensions __future__"
)

# Of others a part: the rest of them looks at the clock, the process or the machine.
_MEMBERS = {
    module: frozenset(names.split())
    for module, names in {
        "asyncio": "run gather Queue Event Lock Semaphore TimeoutError CancelledError wait_for iscoroutine sleep"
        " timeout create_task Task Future TaskGroup InvalidStateError iscoroutinefunction",
        "contextlib": "redirect_stdout redirect_stderr closing nullcontext contextmanager asynccontextmanager aclosing",
        "datetime": "date datetime time timedelta timezone tzinfo UTC MINYEAR MAXYEAR",
        "http": "HTTPStatus HTTPMethod",
        "hypothesis": "given settings example assume strategies note HealthCheck target",
        "io": "StringIO BytesIO TextIOWrapper BufferedReader BufferedWriter UnsupportedOperation open",
        "inspect": "signature Signature Parameter iscoroutinefunction isfunction isgenerator iscoroutine",
        "logging": "getLogger NOTSET DEBUG INFO WARNING ERROR CRITICAL LogRecord Logger Formatter makeLogRecord"
        " StreamHandler LoggerAdapter NullHandler Filter",
        "os": "path sep linesep fspath PathLike pathsep altsep",
        "os.path": "join basename dirname splitext split normpath sep exists isfile isdir relpath commonpath isabs"
        " getsize pathsep commonprefix",
        "pytest": "raises warns approx mark param deprecated_call fail CaptureFixture LogCaptureFixture MonkeyPatch"
        " TempPathFactory WarningsRecorder ExceptionInfo RaisesGroup RaisesExc Subrequest",
        "random": "Random",
        "sys": "maxsize version_info float_info byteorder argv stdin stdout stderr",
        "time": "struct_time",
        "types": "SimpleNamespace MappingProxyType GeneratorType NoneType",
        "urllib": "parse",
        "uuid": "UUID uuid3 uuid5 NAMESPACE_DNS NAMESPACE_URL SafeUUID",
        "xml": "etree",
    }.items()
}
# What no test may touch, whatever the existing ones do: it reaches into Python, pytest or what judges the test.
_NEVER = listed(
    "_pytest pluggy coverage ctypes _ctypes gc importlib imp builtins __main__ atexit faulthandler code codeop"
    " inspect.stack runpy pkgutil zipimport site sysconfig trace tracemalloc pdb bdb dis marshal _thread pty xdist"
    " pytest_cov unittest.main multiprocessing.reduction conftest pickle shelve"
)
_NETWORK = listed(
    "socket ssl http.client urllib.request urllib3 requests httpx aiohttp smtplib ftplib imaplib poplib telnetlib"
    " xmlrpc socketserver http.server asyncio.open_connection websockets paramiko boto3 botocore grpc"
)
# They run text as code, run something later, or change how every test is run.
_DENIED = listed(
    "typing.get_type_hints typing.ForwardRef typing_extensions.get_type_hints string.Formatter argparse.FileType"
    " hypothesis.settings.register_profile hypothesis.settings.load_profile"
    " hypothesis.strategies.register_type_strategy logging.Logger.manager pytest.MonkeyPatch.undo"
)
# Allowed to a test only where the existing tests use just the same.
_RISKY = listed(
    "subprocess threading multiprocessing signal concurrent tempfile shutil sqlite3 unittest platform locale"
    " getpass select selectors resource fcntl mmap secrets"
)


def check_import(node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
    match node:
        case ast.Import(names=aliases):
            for alias in aliases:
                _check_module(alias.name, node, scope)
        case ast.ImportFrom(level=level) if level:
            if not any(name.startswith(".") for name in scope.habits.imports):
                refuse(node, "a relative import is not allowed: import by the full name")
        case ast.ImportFrom(module=str(module), names=aliases):
            for alias in aliases:
                bound = alias.asname or alias.name
                if alias.name == "*":
                    refuse(node, f"`from {module} import *` is not allowed: name what is needed")
                if bound.startswith(("test", "pytest_", "setup", "teardown", "__")):
                    refuse(node, f"the name `{bound}` would be taken for a test: import its module")
                _check_member(module, alias.name, node, scope)
        case _:
            pass


def _check_module(module: str, node: ast.stmt, scope: Scope) -> None:
    if "conftest" in module.split("."):
        refuse(node, "conftest is not to be imported: take its fixtures as parameters")
    if within(module, _NEVER):
        refuse(node, f"`{module}` is not allowed in a test")
    if scope.is_own(module):
        if any(part.startswith("test_") or part.endswith("_test") for part in module.split(".")):
            refuse(node, f"`{module}` is a test module: a test does not import other tests")
    elif module not in scope.habits.imports:
        if within(module, _NETWORK):
            refuse(node, f"`{module}` reaches the network: give the code a stand-in")
        root = module.partition(".")[0]
        borrowed = root in scope.borrowed and root not in sys.stdlib_module_names
        if not borrowed and not within(module, _HARMLESS | _MEMBERS.keys()):
            refuse(node, f"`{module}` is not among the modules that a test may import here")


def _check_member(module: str, name: str, node: ast.stmt, scope: Scope) -> None:
    dotted = f"{module}.{name}"
    if "conftest" in dotted.split(".") or within(dotted, _NEVER | _NETWORK):
        _check_module(dotted, node, scope)
    elif scope.is_own(module):
        _check_module(module, node, scope)
        behind = scope.source_names.get(name, "") if module == scope.module else name
        if behind.partition(".")[0] in sys.stdlib_module_names and name not in scope.exports:
            refuse(node, f"`{name}` is not the project's own: import it from where it is defined")
    elif reason := forbidden_member(dotted, scope):
        refuse(node, reason)
    else:
        _check_module(module, node, scope)


def forbidden_member(dotted: str, scope: Scope) -> str:
    """Why a dotted name of a module that may be used in part is not allowed, "" when it is."""
    if within(dotted, _DENIED):
        return f"`{dotted}` is not allowed in a test"
    if dotted in scope.habits.uses and not _is_unstable(dotted):
        return ""
    for module in sorted(_MEMBERS, key=len, reverse=True):
        if dotted.startswith(f"{module}."):
            member = dotted[len(module) + 1 :].partition(".")[0]
            return "" if member in _MEMBERS[module] or f"{module}.{member}" in _MEMBERS else _reason(module, member)
    if dotted.partition(".")[0] in _RISKY:
        return f"`{dotted}` is not used by the existing tests, so it is not allowed here"
    return ""


def _is_unstable(dotted: str) -> bool:
    """What the existing tests may get away with: it makes a test depend on the day or the machine."""
    return dotted.startswith(
        ("time.", "os.environ", "os._", "sys._", "random.", "os.fork", "os.kill", "os.getenv")
    ) or (
        dotted in {"sys.modules", "sys.exit", "sys.settrace", "sys.setprofile", "sys.path", "uuid.uuid4", "uuid.uuid1"}
        or dotted.startswith(("sys.modules.", "sys.path.", "pytest.skip", "pytest.xfail", "pytest.exit"))
    )


def _reason(module: str, member: str) -> str:  # noqa: PLR0911  one sentence for each kind
    dotted = f"{module}.{member}"
    match module:
        case "random" | "uuid":
            return f"`{dotted}` gives another value each time: use a fixed one or a seeded `random.Random`"
        case "time":
            return f"`{dotted}` depends on the clock: pass a fixed time"
        case "os" if member in {"environ", "getenv", "environb", "putenv"}:
            return f"`{dotted}` reaches the environment: use `monkeypatch.setenv`"
        case "os":
            return f"`{dotted}` reaches the machine: a test does not need it"
        case "pytest" if member in {"skip", "xfail", "importorskip", "exit"}:
            return f"`{dotted}` lets the test pass without saying anything"
        case "contextlib" if member == "suppress":
            return "`contextlib.suppress` swallows failures: use `pytest.raises`"
        case _:
            return f"`{dotted}` is not allowed in a test"
