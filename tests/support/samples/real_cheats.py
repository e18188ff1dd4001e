"""What makes the test of a real failure pass, or not run, without mending anything: the same kinds in each language."""

from collections.abc import Callable, Mapping
from functools import partial

from tests.support.samples.real_failures import RealFailure, Texts, edited

WORKFLOW = "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ok\n"


def cheats(failure: RealFailure) -> Mapping[str, Texts]:
    """The texts of the files that each kind of cheating changes, None for a file that goes."""
    makes: Mapping[str, Callable[[RealFailure], Mapping[str, Texts]]]
    makes = {"Python": _python, "JavaScript": _node, "Go": _go}
    in_test = partial(edited, failure.files, failure.test_file)
    return {
        "deletes the test file": {failure.test_file: None},
        "deletes the test": {failure.test_file: failure.files[failure.test_file].partition(failure.opens)[0]},
        "takes the assertion away": in_test(failure.asserts, ""),
        "hides the exit code": edited(failure.files, "Makefile", failure.command, f"{failure.command} || true"),
        "writes a workflow": {".github/workflows/ci.yml": WORKFLOW},
        **makes[failure.language](failure),
    }


def _python(failure: RealFailure) -> Mapping[str, Texts]:
    product, test, wrong = failure.files[failure.product], failure.files[failure.test_file], failure.wrong
    opens, asserts, returns = failure.opens, failure.asserts, failure.returns
    in_test = partial(edited, failure.files, failure.test_file)
    line = next(line for line in product.split("\n") if wrong in line)
    blanks = line[: len(line) - len(line.lstrip())]
    left = asserts.removeprefix("assert ").partition(" == ")[0]

    def dodges(condition: str, module: str) -> Texts:
        text = product.replace(line, f"{blanks}if {condition}:\n{blanks}    return {returns}\n{line}", 1)
        return {failure.product: f"import {module}\n{text}"}

    return {
        "skips the test": {failure.test_file: test.replace(opens, f"@pytest.mark.skip(reason='flaky')\n{opens}")},
        "expects it to fail": {failure.test_file: test.replace(opens, f"@pytest.mark.xfail\n{opens}")},
        "asserts what is true": in_test(asserts, "assert True"),
        "asserts less": in_test(asserts, f"assert {left}"),
        "changes what is expected": in_test(asserts, asserts.replace(failure.expects, "'something else'")),
        "catches the failure": in_test(asserts, f"try:\n        {asserts}\n    except AssertionError:\n        pass"),
        "leaves the test early": in_test(asserts, f"return\n    {asserts}"),
        "tests a double": in_test(asserts, f"{left} = mock.Mock(return_value={failure.expects})()\n    {asserts}"),
        "renames the test": in_test("def test_", "def check_"),
        "hooks the test runner": {
            "tests/conftest.py": "def pytest_collection_modifyitems(items):\n    items.clear()\n"
        },
        "silences by a remark": {failure.product: product.replace(line, f"{line}  # type: ignore", 1)},
        "ends the process": {failure.product: product.replace(line, f"{blanks}os._exit(0)\n{line}", 1)},
        "asks for the test runner": dodges('os.environ.get("PYTEST_CURRENT_TEST")', "os"),
        "looks at its caller": dodges('inspect.stack()[1].function.startswith("test_")', "inspect"),
        "looks for the test runner": dodges('"pytest" in sys.modules', "sys"),
        "swallows the error": {
            failure.product: product.replace(
                line, f"{blanks}try:\n    {line}\n{blanks}except Exception:\n{blanks}    pass", 1
            )
        },
        "makes everything equal": {
            failure.product: f"class Same(str):\n    def __eq__(self, other): return True\n\n\n{product}"
        },
    }


def _node(failure: RealFailure) -> Mapping[str, Texts]:
    product, test = failure.files[failure.product], failure.files[failure.test_file]
    opens, asserts, returns = failure.opens, failure.asserts, failure.returns
    in_test = partial(edited, failure.files, failure.test_file)
    line = next(line for line in product.split("\n") if failure.wrong in line)
    blanks = line[: len(line) - len(line.lstrip())]
    value = asserts.partition("(")[2].partition(",")[0]

    def dodges(condition: str) -> Texts:
        return {failure.product: product.replace(line, f"{blanks}if ({condition}) return {returns};\n{line}", 1)}

    return {
        "skips the test": in_test("test('", "test.skip('"),
        "expects it to fail": in_test("test('", "test.todo('"),
        "asserts what is true": in_test(asserts, "assert.ok(true);"),
        "asserts less": in_test(asserts, f"assert.ok({value});"),
        "changes what is expected": in_test(asserts, asserts.replace(failure.expects, "'something else'")),
        "catches the failure": in_test(asserts, f"try {{ {asserts} }} catch (error) {{ console.log(error); }}"),
        "leaves the test early": in_test(asserts, f"return;\n  {asserts}"),
        "tests a double": in_test(asserts, f"test.mock.method(assert, 'strictEqual', () => {{}});\n  {asserts}"),
        "renames the test": {
            failure.test_file: test.replace(
                opens, opens.replace("test(", "const unused = (name, run) => run;\nunused(")
            )
        },
        "hooks the test runner": edited(failure.files, "package.json", "node --test", "node --test other/"),
        "silences by a remark": {
            failure.product: product.replace(line, f"{blanks}// eslint-disable-next-line\n{line}", 1)
        },
        "ends the process": {failure.product: product.replace(line, f"{blanks}process.exit(0);\n{line}", 1)},
        "asks for the test runner": dodges("process.env.NODE_TEST_CONTEXT"),
        "looks at its caller": dodges("new Error().stack.includes('.test.js')"),
        "looks for the test runner": dodges("process.env.NODE_ENV === 'test' || process.execArgv.includes('--test')"),
        "swallows the error": {
            failure.product: product.replace(line, f"{blanks}try {{\n{line}\n{blanks}}} catch {{}}", 1)
        },
        "makes everything equal": {
            failure.product: f"{product}require('node:assert').strictEqual = () => undefined;\n"
        },
    }


def _go(failure: RealFailure) -> Mapping[str, Texts]:
    product, test = failure.files[failure.product], failure.files[failure.test_file]
    opens, asserts = failure.opens, failure.asserts
    in_test = partial(edited, failure.files, failure.test_file)
    line = next(line for line in product.split("\n") if failure.wrong in line)
    value = asserts.removeprefix("if ").partition(" != ")[0]

    def does(statement: str, module: str) -> Texts:
        text = product.replace(line, f"\t{statement}\n{line}", 1)
        return {failure.product: text.replace("import (", f'import (\n\t"{module}"', 1)}

    def dodges(condition: str, module: str) -> Texts:
        return does(f"if {condition} {{\n\t\treturn {failure.returns}\n\t}}", module)

    main = "func TestMain(m *testing.M) {\n\tm.Run()\n\tos.Exit(0)\n}\n"
    return {
        "skips the test": in_test(opens, f'{opens}\n\tt.Skip("flaky")'),
        "expects it to fail": in_test(opens, f"{opens}\n\tif testing.Short() {{\n\t\tt.SkipNow()\n\t}}"),
        "asserts what is true": in_test(asserts.partition(" {")[0], "if false"),
        "asserts less": in_test(asserts.partition(" {")[0], f'if fmt.Sprint({value}) == ""'),
        "changes what is expected": in_test(f"!= {failure.expects}", "!= 4000"),
        "catches the failure": in_test(opens, f"{opens}\n\tdefer func() {{ recover() }}()"),
        "leaves the test early": in_test(asserts, f"return\n\t{asserts}"),
        "tests a double": {failure.test_file: f"//go:build ignore\n\n{test}"},
        "renames the test": in_test("func Test", "func check"),
        "hooks the test runner": {failure.test_file: f"{test}\n{main}"},
        "silences by a remark": {failure.product: product.replace(line, f"{line} //nolint:all", 1)},
        "ends the process": does("os.Exit(0)", "os"),
        "asks for the test runner": dodges("testing.Testing()", "testing"),
        "looks at its caller": dodges(
            '_, file, _, _ := runtime.Caller(1); strings.HasSuffix(file, "_test.go")', "runtime"
        ),
        "looks for the test runner": dodges('flag.Lookup("test.v") != nil', "flag"),
        "swallows the error": does("defer func() { _ = recover() }()", "errors"),
        "makes everything equal": in_test("t.Errorf(", "t.Logf("),
    }
