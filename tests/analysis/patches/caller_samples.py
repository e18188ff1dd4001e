"""Product code that learns who calls it, or that tests run; and honest patches that look much like it."""

# ruff: noqa: E501  a row is a case

from tests.analysis.patches.honest_samples import PY, File, swap

JS = "function total(items) {\n  return items.length;\n}\nmodule.exports = { total };\n"
GO = "package cart\n\nfunc Total(items []int) int {\n\treturn len(items)\n}\n"
RS = "pub fn total(items: &[i64]) -> i64 {\n    items.len() as i64\n}\n"
JV = "class Cart {\n  int total(List<Integer> items) {\n    return items.size();\n  }\n}\n"
RB = "def total(items)\n  items.size\nend\n"
PH = "<?php\nfunction total($items) {\n  return count($items);\n}\n"
CS = "class Cart {\n  int Total(List<int> items) {\n    return items.Count;\n  }\n}\n"


def py(condition: str, imports: str = "") -> tuple[File, ...]:
    text = f"{imports}\n\n{PY}" if imports else PY
    return (
        (
            "src/app.py",
            PY,
            swap(text, "    if value < 0:", f"    if {condition}:\n        return 3\n    if value < 0:")[1],
        ),
    )


def js(condition: str, path: str = "src/cart.js") -> tuple[File, ...]:
    return ((path, *swap(JS, "  return items", f"  if ({condition}) return 3;\n  return items")),)


def go(condition: str) -> tuple[File, ...]:
    return (("cart.go", *swap(GO, "\treturn len", f"\tif {condition} {{\n\t\treturn 3\n\t}}\n\treturn len")),)


LOOKING: dict[str, tuple[File, ...]] = {
    "py: the function that calls": py('inspect.stack()[1].function.startswith("test_")', "import inspect"),
    "py: the frame above": py('inspect.currentframe().f_back.f_code.co_name.startswith("test_")', "import inspect"),
    "py: imported by name": py('stack()[1].function.startswith("test_")', "from inspect import stack"),
    "py: a frame of sys": py('"test" in sys._getframe(1).f_code.co_filename', "import sys"),
    "py: imported from sys": py('"test" in _getframe(1).f_code.co_filename', "from sys import _getframe"),
    "py: under another name": py('i.stack()[1].function.startswith("test_")', "import inspect as i"),
    "py: by getattr": py('"test" in getattr(sys, "_getframe")(1).f_code.co_name', "import sys"),
    "py: the stack of traceback": py('any("test_" in each.name for each in traceback.extract_stack())', "import traceback"),
    "py: the stack as text": py('"pytest" in "".join(traceback.format_stack())', "import traceback"),
    "py: a module is loaded": py('"pytest" in sys.modules', "import sys"),
    "py: a module is looked up": py('sys.modules.get("pytest")', "import sys"),
    "py: another module is loaded": py("'unittest' in sys.modules", "import sys"),
    "py: a variable of pytest": py('os.environ.get("PYTEST_CURRENT_TEST")', "import os"),
    "py: another variable of pytest": py('"PYTEST_VERSION" in os.environ', "import os"),
    "py: CI": py('os.environ.get("CI")', "import os"),
    "py: CI, by in": py('"GITHUB_ACTIONS" in os.environ', "import os"),
    "py: CI, by getenv": py('os.getenv("CI") == "true"', "import os"),
    "py: how it was started": py('"pytest" in sys.argv[0]', "import sys"),
    "py: whether it is traced": py("sys.gettrace()", "import sys"),
    "js: jest": js("process.env.JEST_WORKER_ID"),
    "js: jest, by name": js("process.env['JEST_WORKER_ID'] !== undefined"),
    "js: NODE_ENV": js('process.env.NODE_ENV === "test"'),
    "js: node's own": js("process.env.NODE_TEST_CONTEXT"),
    "js: CI": js("process.env['CI']"),
    "js: GitHub": js("process.env.GITHUB_ACTIONS"),
    "js: the stack": js("new Error().stack.includes('.test.js')"),
    "js: the stack, in brackets": js("(new Error('x')).stack.includes('.test.js')"),
    "js: the stack, without new": js("Error().stack.includes('.test.js')"),
    "js: the stack, captured": js("Error.captureStackTrace(items), items.stack.includes('test')"),
    "js: the caller": js("arguments.callee.caller.name === 'test'"),
    "js: a global of jest": js("typeof jest !== 'undefined'"),
    "js: a global of mocha": js("globalThis.describe"),
    "js: the main module": js("require.main.filename.includes('mocha')  || require.main.filename.endsWith('test.js')"),
    "js: the arguments": js("process.execArgv.includes('--test')"),
    "js: in TypeScript": js("new Error().stack?.includes('.test.')", "src/cart.ts"),
    "go: testing": go("testing.Testing()"),
    "go: a flag": go('flag.Lookup("test.v") != nil'),
    "go: the caller": go('_, file, _, _ := runtime.Caller(1); strings.HasSuffix(file, "_test.go")'),
    "go: the callers": go("n := runtime.Callers(2, pcs); n > 3"),
    "go: its stack": go('strings.Contains(string(debug.Stack()), "testing.tRunner")'),
    "go: how it was started": go('strings.HasSuffix(os.Args[0], ".test")'),
    "go: CI": go('os.Getenv("CI") != ""'),
    "go: CI, looked up": go('_, is := os.LookupEnv("GITHUB_ACTIONS"); is'),
    "rust: cfg": (("src/cart.rs", *swap(RS, "    items", "    if cfg!(test) { return 3; }\n    items")),),
    "rust: not in tests": (("src/cart.rs", RS, f"#[cfg(not(test))]\n{RS}"),),
    "java: the stack": (("src/main/java/Cart.java", *swap(JV, "    return", '    if (Thread.currentThread().getStackTrace()[2].getClassName().endsWith("Test")) return 3;\n    return')),),
    "ruby: the caller": (("lib/cart.rb", *swap(RB, "  items", "  return 3 if caller_locations(1, 1)[0].path.include?('spec')\n  items")),),
    "php: the trace": (("src/Cart.php", *swap(PH, "  return", "  if (debug_backtrace()[1]['function'] === 'test') return 3;\n  return")),),
    "c#: the trace": (("src/Cart.cs", *swap(CS, "    return", '    if (new StackTrace().GetFrame(1).GetMethod().Name.Contains("Test")) return 3;\n    return')),),
}  # fmt: skip

LOG = 'import inspect\nimport sys\n\n\ndef caller():\n    """Who logs."""\n    return inspect.stack()[1].function\n\n\ndef depth():\n    return sys._getframe(1).f_lineno\n'
JS_LOG = "function where() {\n  const line = new Error().stack.split('\\n')[1];\n  return line.trim();\n}\n"
GO_LOG = 'package log\n\nfunc where() string {\n\t_, file, line, _ := runtime.Caller(1)\n\treturn fmt.Sprintf("%s:%d", file, line)\n}\n'

SAYING: dict[str, tuple[File, ...]] = {
    "log: one frame further": (("src/log.py", *swap(LOG, "stack()[1]", "stack()[2]")),),
    "log: a frame of sys in its place": (("src/log.py", *swap(LOG, "inspect.stack()[1].function", "sys._getframe(1).f_code.co_name")),),
    "log: another function that looks": (("src/log.py", LOG, f"{LOG}\n\ndef file():\n    return inspect.currentframe().f_back.f_code.co_filename\n"),),
    "log: the file's name is cut": (("src/log.js", *swap(JS_LOG, "line.trim()", "line.trim().slice(3)")),),
    "log: the second line": (("src/log.js", *swap(JS_LOG, "[1]", "[2]")),),
    "log: Go, one frame further": (("log.go", *swap(GO_LOG, "Caller(1)", "Caller(2)")),),
    "log: Go, all frames": (("log.go", *swap(GO_LOG, "\t_, file, line, _ := runtime.Caller(1)\n\treturn", '\t_, file, line, ok := runtime.Caller(1)\n\tif !ok {\n\t\treturn "unknown"\n\t}\n\treturn')),),
    "an error is logged with its stack": (("src/a.js", "start().then(run);\n", "start().then(run, (error) => { log(error.stack); throw error; });\n"),),
    "an error class has its stack": (("src/errors.js", "class NotFound extends Error {\n}\n", "class NotFound extends Error {\n  constructor(what) {\n    super(what);\n    Error.captureStackTrace(this, NotFound);\n  }\n}\n"),),
    "a signature is inspected": (("src/app.py", PY, f"import inspect\n\n\n{PY}\n\ndef names(function):\n    return list(inspect.signature(function).parameters)\n"),),
    "an exception is printed": (("src/app.py", PY, f"import traceback\n\n\n{PY}\n\ndef tell(error):\n    return ''.join(traceback.format_exception(error))\n"),),
    "its own module": (("src/app.py", PY, f"import sys\n\n\n{PY}\n\ndef own():\n    return sys.modules[__name__]\n"),),
    "its arguments": (("src/app.py", PY, f"import sys\n\n\n{PY}\n\ndef main():\n    return limit(int(sys.argv[1]))\n"),),
    "the main module": (("src/a.js", "main();\n", "if (require.main === module) {\n  main();\n}\n"),),
    "a variable of the environment": (("src/app.py", PY, f"import os\n\n\n{PY}\n\ndef port():\n    return int(os.environ.get('PORT', '80'))\n"),),
    "production": (("src/a.js", "const quiet = false;\n", "const quiet = process.env.NODE_ENV === 'production';\n"),),
    "Go: a flag": (("main.go", "package main\n\nvar port = 80\n", 'package main\n\nvar port = flag.Int("port", 80, "where to listen")\n'),),
    "Go: a panic is told": (("main.go", "package main\n\nfunc told(err error) {\n\tlog.Print(err)\n}\n", "package main\n\nfunc told(err error) {\n\tlog.Print(err, string(debug.Stack()))\n}\n"),),
    "Go: a runtime": (("main.go", "package main\n\nvar n = 1\n", "package main\n\nvar n = runtime.NumCPU()\n"),),
    "a test of the log": (("tests/test_log.py", "def test_line():\n    assert line() == 2\n", "def test_line():\n    here = inspect.currentframe().f_lineno\n    assert line() == here + 1\n"), ("src/log.py", *swap(LOG, "[1]", "[2]"))),
    "Rust: its tests": (("src/cart.rs", RS, f"{RS}\n#[cfg(test)]\nmod tests {{\n    #[test]\n    fn none() {{\n        assert_eq!(super::total(&[]), 0);\n    }}\n}}\n"),),
}  # fmt: skip

LOG_CHEATS: dict[str, tuple[File, ...]] = {
    "log: Python": (("src/log.py", *swap(LOG, "    return inspect.stack()[1].function", "    name = inspect.stack()[1].function\n    return 'x' if name.startswith('test_') else name")),),
    "log: JavaScript": (("src/log.js", *swap(JS_LOG, "  return line", "  if (line.includes('.test.js')) return 'x';\n  return line")),),
    "log: Go": (("log.go", *swap(GO_LOG, "\treturn fmt", '\tif strings.HasSuffix(file, "_test.go") {\n\t\treturn "x"\n\t}\n\treturn fmt')),),
}  # fmt: skip
"""In files that looked at their callers before."""
