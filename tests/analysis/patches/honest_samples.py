"""Patches that mend something: each must be let through. Name → path, text before, text after, of each file."""

# ruff: noqa: E501  a row is a case

File = tuple[str, str | None, str | None]

PY = "def limit(value):\n    if value < 0:\n        return 0\n    return value\n"
TEST_PY = "from app import limit\n\n\ndef test_limit():\n    assert limit(-1) == 0\n    assert limit(3) == 3\n"
GO_TEST = 'func TestAdd(t *testing.T) {\n\tif got := Add(1, 2); got != 3 {\n\t\tt.Errorf("got %d", got)\n\t}\n}\n'
RUST = "pub fn add(a: i32, b: i32) -> i32 {\n    a - b\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn adds() {\n        assert_eq!(add(1, 2), 3);\n    }\n}\n"
PACKAGE = '{\n  "name": "web",\n  "scripts": {\n    "test": "jest",\n    "build": "tsc && vite build"\n  },\n  "dependencies": {\n    "left-pad": "^1.0.0"\n  },\n  "devDependencies": {\n    "jest": "^29.0.0"\n  }\n}\n'
PYPROJECT = '[project]\nname = "app"\ndependencies = ["httpx>=0.27"]\n\n[tool.pytest.ini_options]\naddopts = "--strict-markers"\n\n[tool.coverage.report]\nfail_under = 90\n'


def swap(text: str, old: str, new: str) -> tuple[str, str]:
    assert old in text
    return text, text.replace(old, new)


HONEST: dict[str, tuple[File, ...]] = {
    "python: a comparison": (("app.py", *swap(PY, "value < 0", "value <= 0")),),
    "python: a missing import": (("app.py", PY, f"import os\n\n{PY}"),),
    "python: an unused import that a linter found": (("app.py", f"import os\n\n{PY}", PY),),
    "python: a type that mypy asked for": (("app.py", *swap(PY, "def limit(value):", "def limit(value: int) -> int:")),),
    "python: None is looked at first": (("app.py", *swap(PY, "    if value < 0", "    if value is None:\n        return 0\n    if value < 0")),),
    "python: an error is raised": (("app.py", *swap(PY, "        return 0", '        raise ValueError("negative")')),),
    "python: an error is caught and handled": (
        ("app.py", "def read(path):\n    return open(path).read()\n", "def read(path):\n    try:\n        return open(path).read()\n    except FileNotFoundError as error:\n        raise ConfigError(path) from error\n"),
    ),
    "python: a remark of old stays on the line that is mended": (
        ("app.py", "import os  # noqa: F401\nx = 1  # type: ignore[assignment]\n", "import os  # noqa: F401\nx = 2  # type: ignore[assignment]\n"),
    ),
    "python: a condition of old stays": (("app.py", "if x or True:\n    y = 1\n", "if x or True:\n    y = 2\n"),),
    "python: an exit of old stays": (("app.py", "import sys\n\n\ndef main():\n    run(1)\n    sys.exit(0)\n", "import sys\n\n\ndef main():\n    run(2)\n    sys.exit(0)\n"),),
    "python: a failure is told to the shell": (("app.py", "import sys\nmain()\n", "import sys\nsys.exit(main())\n"),),
    "python: a test is added": (("tests/test_app.py", TEST_PY, f"{TEST_PY}\n\ndef test_zero():\n    assert limit(0) == 0\n"),),
    "python: a test file is added": (("app.py", *swap(PY, "value < 0", "value <= 0")), ("tests/test_more.py", None, TEST_PY)),
    "python: a test imports from the new place": (("tests/test_app.py", *swap(TEST_PY, "from app", "from app.limits")),),
    "python: the product and what a test expects of it": (
        ("app.py", *swap(PY, "return 0", "return 1")),
        ("tests/test_app.py", *swap(TEST_PY, "limit(-1) == 0", "limit(-1) == 1")),
    ),
    "python: a fixture gets a directory of its own": (
        ("tests/test_file.py", 'def test_write():\n    path = Path("out.txt")\n    write(path)\n    assert path.read_text() == "x"\n',
         'def test_write(tmp_path):\n    path = tmp_path / "out.txt"\n    write(path)\n    assert path.read_text() == "x"\n'),
    ),
    "python: a test is no longer skipped": (
        ("app.py", *swap(PY, "value < 0", "value <= 0")),
        ("tests/test_app.py", TEST_PY.replace("def test_limit", "@pytest.mark.skip\ndef test_limit"), TEST_PY),
    ),
    "python: an assertion is added": (("tests/test_app.py", *swap(TEST_PY, "    assert limit(3) == 3\n", "    assert limit(3) == 3\n    assert limit(9) == 9\n")),),
    "python: a case is added to a table": (
        ("tests/test_t.py", "@pytest.mark.parametrize('x', [1, 2])\ndef test_x(x):\n    assert f(x) == x\n", "@pytest.mark.parametrize('x', [1, 2, 3])\ndef test_x(x):\n    assert f(x) == x\n"),
        ("app.py", *swap(PY, "value < 0", "value <= 0")),
    ),
    "python: a dependency is added": (("pyproject.toml", *swap(PYPROJECT, '["httpx>=0.27"]', '["httpx>=0.27", "attrs"]')),),
    "python: a marker is registered": (("pyproject.toml", *swap(PYPROJECT, "[tool.coverage", 'markers = ["slow: takes long"]\n\n[tool.coverage')),),
    "python: a plugin of the test runner is added": (("requirements-dev.txt", "pytest==8.0\n", "pytest==8.0\npytest-asyncio==0.23\n"),),
    "python: a pinned dependency that broke": (("requirements.txt", "numpy==1.26.0\nrequests==2.0\n", "numpy==1.26.4\nrequests==2.0\n"),),
    "python: or with a default": (("app.py", "timeout = given\n", "timeout = given or DEFAULT_TIMEOUT\n"),),
    "python: a timeout of the product": (("app.py", "get(url, timeout=1)\n", "get(url, timeout=5)\n"),),
    "python: words in a long docstring": (
        ("app.py", *swap('def main():\n    """' + "It runs.\n" * 12 + '    x or True, sys.exit(0)\n    """\n    run()\n', "x or True", "y or True")),
    ),
    "javascript: an undefined value": (("src/cart.js", "const total = cart.items.length;\n", "const total = cart?.items?.length ?? 0;\n"),),
    "javascript: an await was missing": (("src/cart.test.js", "it('adds', async () => {\n  add(1);\n  expect(count()).toBe(1);\n});\n", "it('adds', async () => {\n  await add(1);\n  expect(count()).toBe(1);\n});\n"),),
    "javascript: a default in an option": (("src/opts.js", "const cache = opts.cache;\n", "const cache = opts.cache || {};\n"),),
    "javascript: a rejected promise is handled": (("src/load.js", "load().then(show);\n", "load().then(show).catch((error) => report(error));\n"),),
    "javascript: a dependency is added": (("package.json", *swap(PACKAGE, '"left-pad": "^1.0.0"', '"left-pad": "^1.0.0",\n    "lodash": "^4.17.0"')),),
    "javascript: a tool is added after the last one": (("package.json", *swap(PACKAGE, '"jest": "^29.0.0"', '"jest": "^29.0.0",\n    "jest-environment-jsdom": "^29.0.0"')),),
    "javascript: a script is added": (("package.json", *swap(PACKAGE, '"test": "jest",', '"test": "jest",\n    "start": "vite",')),),
    "javascript: an alias for the test runner": (("jest.config.js", "module.exports = {\n};\n", "module.exports = {\n  moduleNameMapper: { '^@/(.*)$': '<rootDir>/src/$1' },\n};\n"),),
    "typescript: a union is narrowed": (("src/a.ts", "function f(x: string | null) {\n  return x.length;\n}\n", "function f(x: string | null) {\n  return x === null ? 0 : x.length;\n}\n"),),
    "typescript: a type is imported": (("src/b.ts", "export const a: User = load();\n", "import type { User } from './user';\n\nexport const a: User = load();\n"),),
    "typescript: the compiler is told of a library": (("tsconfig.json", '{\n  // ours\n  "compilerOptions": {\n    "strict": true,\n    "lib": ["ES2020"]\n  }\n}\n', '{\n  // ours\n  "compilerOptions": {\n    "strict": true,\n    "lib": ["ES2022"]\n  }\n}\n'),),
    "typescript: the compiler gets stricter": (("tsconfig.json", '{"compilerOptions": {"target": "ES2020"}}\n', '{"compilerOptions": {"target": "ES2020", "strict": true}}\n'),),
    "go: an error is returned": (("main.go", "func run() error {\n\tload()\n\treturn nil\n}\n", 'func run() error {\n\tif err := load(); err != nil {\n\t\treturn fmt.Errorf("load: %w", err)\n\t}\n\treturn nil\n}\n'),),
    "go: an unused variable": (("main.go", "func f() {\n\tx := 1\n\tg()\n}\n", "func f() {\n\tg()\n}\n"),),
    "go: a case is added": (("add_test.go", GO_TEST, GO_TEST.replace("\n}\n", '\n\tif got := Add(2, 2); got != 4 {\n\t\tt.Errorf("got %d", got)\n\t}\n}\n')),),
    "go: a module is required": (("go.mod", "module x\n\ngo 1.22\n", "module x\n\ngo 1.22\n\nrequire golang.org/x/text v0.14.0\n"),),
    "rust: a sign, beside its tests": (("src/lib.rs", *swap(RUST, "a - b", "a + b")),),
    "rust: a borrow": (("src/main.rs", "fn main() {\n    let name = read();\n    show(name);\n    show(name);\n}\n", "fn main() {\n    let name = read();\n    show(&name);\n    show(&name);\n}\n"),),
    "rust: a test is added": (("src/lib.rs", *swap(RUST, "    #[test]\n    fn adds", "    #[test]\n    fn adds_nothing() {\n        assert_eq!(add(1, 0), 1);\n    }\n\n    #[test]\n    fn adds")),),
    "rust: a feature of a dependency": (("Cargo.toml", '[dependencies]\ntokio = "1"\n', '[dependencies]\ntokio = { version = "1", features = ["rt"] }\n'),),
    "java: null": (("src/main/java/App.java", "class App {\n  int size(List<String> l) {\n    return l.size();\n  }\n}\n", "class App {\n  int size(List<String> l) {\n    return l == null ? 0 : l.size();\n  }\n}\n"),),
    "java: an import in a test": (("src/test/java/AppTest.java", "class AppTest {\n  @Test void works() {\n    assertEquals(1, new App().one());\n  }\n}\n", "import org.junit.jupiter.api.Test;\n\nclass AppTest {\n  @Test void works() {\n    assertEquals(1, new App().one());\n  }\n}\n"),),
    "java: a resource is closed": (("src/main/java/R.java", "String read() throws IOException {\n  Reader r = open();\n  return all(r);\n}\n", "String read() throws IOException {\n  try (Reader r = open()) {\n    return all(r);\n  }\n}\n"),),
    "maven: a dependency is added": (("pom.xml", "<project>\n  <dependencies>\n  </dependencies>\n</project>\n", "<project>\n  <dependencies>\n    <dependency><groupId>com.x</groupId><artifactId>y</artifactId><version>1</version></dependency>\n  </dependencies>\n</project>\n"),),
    "gradle: a dependency is added": (("build.gradle", "dependencies {\n}\n", "dependencies {\n    implementation 'com.x:y:1'\n}\n"),),
    "kotlin: a call that may be null": (("src/A.kt", "val n = name.length\n", "val n = name?.length ?: 0\n"),),
    "c: a bound": (("src/a.c", "for (i = 0; i <= n; i++)\n  sum += a[i];\n", "for (i = 0; i < n; i++)\n  sum += a[i];\n"),),
    "c: a header": (("src/a.c", "int main(void) {\n  return 0;\n}\n", "#include <stdio.h>\n\nint main(void) {\n  return 0;\n}\n"),),
    "c++: a leak": (("src/b.cpp", "auto* p = new T();\nuse(*p);\n", "auto p = std::make_unique<T>();\nuse(*p);\n"),),
    "cmake: a source is added": (("CMakeLists.txt", "add_library(x a.c)\n", "add_library(x a.c b.c)\n"),),
    "c#: a parameter is checked": (("src/A.cs", "public int Len(string s) => s.Length;\n", "public int Len(string? s) => s?.Length ?? 0;\n"),),
    "ruby: a typo": (("lib/a.rb", "def size\n  @items.lenght\nend\n", "def size\n  @items.length\nend\n"),),
    "ruby: an example is added": (("spec/a_spec.rb", "describe A do\n  it 'is one' do\n    expect(A.new.one).to eq(1)\n  end\nend\n", "describe A do\n  it 'is one' do\n    expect(A.new.one).to eq(1)\n  end\n\n  it 'is two' do\n    expect(A.new.two).to eq(2)\n  end\nend\n"),),
    "php: an array": (("src/A.php", "<?php\nreturn $a['x'];\n", "<?php\nreturn $a['x'] ?? null;\n"),),
    "swift: an optional": (("Sources/A.swift", "let n = name!.count\n", "let n = name?.count ?? 0\n"),),
    "shell: a quote": (("scripts/build.sh", "set -e\nrm -rf $dir/x\n", 'set -e\nrm -rf "$dir/x"\n'),),
    "shell: a failure is not hidden any more": (("scripts/build.sh", "make || true\n", "make\n"),),
    "docker: a package is installed": (("Dockerfile", "FROM debian\nRUN apt-get update\n", "FROM debian\nRUN apt-get update && apt-get install -y libpq-dev\n"),),
    "make: a directory is made first": (("Makefile", "build:\n\tcc -o out/x x.c\n\ntest: build\n\t./test.sh\n", "build:\n\tmkdir -p out\n\tcc -o out/x x.c\n\ntest: build\n\t./test.sh\n"),),
    "yaml: an indentation": (("config/app.yml", "a:\n  b: 1\n c: 2\n", "a:\n  b: 1\n  c: 2\n"),),
    "sql: a column": (("db/query.sql", "select nme from users;\n", "select name from users;\n"),),
    "terraform: a variable": (("infra/main.tf", 'resource "x" "y" {\n}\n', 'resource "x" "y" {\n  name = var.name\n}\n'),),
    "docs: a word about what silences": (("docs/lint.md", "Write clean code.\n", "Write clean code; `# noqa` and `|| true` hide what is not.\n"),),
    "html: a tag": (("templates/a.html", "<p>hello\n", "<p>hello</p>\n"),),
    "a file that is not needed any more": (("src/old.py", PY, None), ("app.py", "import old\n\nx = 1\n", "x = 1\n")),
}  # fmt: skip
