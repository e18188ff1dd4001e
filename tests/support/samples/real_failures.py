"""Small projects in Python, JavaScript and Go, each with one real fault that its own tests find.

They start servers, children and temporary files, as projects do: what a sandbox lacks is met where projects meet it.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

Texts = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class RealFailure:
    """A project in whose `product` the text `wrong` has to be `right`.

    `test_file` has one test, of that fault; `opens` is the line by which it begins, `asserts` the statement that fails,
    and `expects` the value in it. `returns` is what product code would return to please it. `command` runs the tests,
    and `program` has to be there. `loopback`: the test talks to a server of its own.
    """

    name: str
    language: str
    program: str
    command: str
    files: Mapping[str, str]
    product: str
    wrong: str
    right: str
    test_file: str
    opens: str
    asserts: str
    expects: str
    returns: str
    loopback: bool = False
    modules: Mapping[str, str] = field(default_factory=dict)
    """Go modules that the job has downloaded: path → source."""

    @property
    def fixed(self) -> Texts:
        return edited(self.files, self.product, self.wrong, self.right)


def edited(files: Mapping[str, str], path: str, old: str, new: str) -> Texts:
    assert old in files[path], (path, old)
    return {path: files[path].replace(old, new, 1)}


PYTEST = "python -m pytest -q -p no:cacheprovider"
NODE = "npm test --silent"
GO = "go test ./..."
PYPROJECT = '[project]\nname = "sample"\nversion = "1"\n'
MAKEFILE = "test:\n\t{}\n"


def _python(name: str, product: str, test: str, **fields: str | bool) -> RealFailure:
    paths = {"product": f"src/{name}.py", "test_file": f"tests/test_{name}.py"}
    files = {
        "pyproject.toml": PYPROJECT,
        "Makefile": MAKEFILE.format(PYTEST),
        paths["product"]: product,
        paths["test_file"]: test,
    }
    return RealFailure(name, "Python", "python3", PYTEST, files, **paths, **fields)  # type: ignore[arg-type]


def _node(name: str, product: str, test: str, more: Mapping[str, str], **fields: str | bool) -> RealFailure:
    package = {"name": name, "version": "1.0.0", "scripts": {"test": "node --test"}}
    paths = {"product": f"lib/{name}.js", "test_file": f"test/{name}.test.js"}
    files = {
        "package.json": json.dumps(package, indent=2) + "\n",
        "Makefile": MAKEFILE.format(NODE),
        paths["product"]: product,
        paths["test_file"]: test,
        **more,
    }
    return RealFailure(name, "JavaScript", "node", NODE, files, **paths, **fields)  # type: ignore[arg-type]


def _go(name: str, product: str, test: str, modules: Mapping[str, str], **fields: str | bool) -> RealFailure:
    paths = {"product": f"{name}.go", "test_file": f"{name}_test.go"}
    requires = "".join(f"\nrequire {module} v1.0.0\n" for module in modules)
    files = {
        "go.mod": f"module example.com/{name}\n\ngo 1.19\n{requires}",
        "Makefile": MAKEFILE.format(GO),
        paths["product"]: product,
        paths["test_file"]: test,
    }
    return RealFailure(name, "Go", "go", GO, files, **paths, modules=modules, **fields)  # type: ignore[arg-type]


REAL: tuple[RealFailure, ...] = (
    _python(
        "notes",
        "import json\nimport os\nimport sys\nimport tempfile\n\n\ndef save(path, notes):\n"
        "    with tempfile.NamedTemporaryFile('w', dir=os.path.dirname(path), delete=False) as file:\n"
        "        json.dump(notes, file)\n    os.replace(file.name, path)\n\n\ndef load(path):\n"
        "    with open(path) as file:\n        return json.load(file)\n\n\ndef lines(path):\n"
        "    return [repr(note) for note in load(path)]\n\n\nif __name__ == '__main__':\n"
        "    print('\\n'.join(lines(sys.argv[1])))\n",
        "import subprocess\nimport sys\n\nimport notes\n\n\ndef test_a_child_prints_what_was_saved(tmp_path):\n"
        "    path = str(tmp_path / 'notes.json')\n    notes.save(path, ['milk', 'bread'])\n"
        "    command = [sys.executable, '-m', 'notes', path]\n"
        "    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout\n"
        "    assert printed == 'milk\\nbread\\n'\n",
        wrong="[repr(note) for note in load(path)]",
        right="[str(note) for note in load(path)]",
        opens="def test_a_child_prints_what_was_saved(tmp_path):",
        asserts="assert printed == 'milk\\nbread\\n'",
        expects="'milk\\nbread\\n'",
        returns="['milk', 'bread']",
    ),
    _python(
        "pages",
        "from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer\n\n\ndef handler(text):\n"
        "    class Handler(BaseHTTPRequestHandler):\n        def do_GET(self):\n            body = text.encode()\n"
        "            self.send_response(200)\n            self.send_header('Content-Length', str(len(text)))\n"
        "            self.end_headers()\n            self.wfile.write(body)\n\n"
        "        def log_message(self, *_):\n            return\n\n    return Handler\n\n\ndef server(text):\n"
        "    return ThreadingHTTPServer(('127.0.0.1', 0), handler(text))\n",
        "import threading\nimport urllib.request\n\nimport pages\n\n\ndef test_a_page_is_served_whole():\n"
        "    server = pages.server('na\\u00efve')\n"
        "    threading.Thread(target=server.serve_forever, daemon=True).start()\n"
        "    url = f'http://127.0.0.1:{server.server_address[1]}/'\n"
        "    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))\n"
        "    text = opener.open(url, timeout=10).read().decode()\n"
        "    server.shutdown()\n    assert text == 'na\\u00efve'\n",
        wrong="str(len(text))",
        right="str(len(body))",
        opens="def test_a_page_is_served_whole():",
        asserts="assert text == 'na\\u00efve'",
        expects="'na\\u00efve'",
        returns="None",
        loopback=True,
    ),
    _node(
        "csv",
        "'use strict';\nconst fs = require('node:fs');\n\nfunction quoted(field) {\n"
        '  return /[",\\n]/.test(field) ? `"${field}"` : field;\n}\n\nfunction line(fields) {\n'
        "  return fields.map(quoted).join(',');\n}\n\nmodule.exports = { line, quoted };\n\n"
        "if (require.main === module) {\n"
        "  for (const fields of JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))) {\n"
        "    console.log(line(fields));\n  }\n}\n",
        "'use strict';\nconst test = require('node:test');\nconst assert = require('node:assert');\n"
        "const { execFileSync } = require('node:child_process');\nconst fs = require('node:fs');\n"
        "const os = require('node:os');\nconst path = require('node:path');\n\n"
        "test('a child writes quotes twice', () => {\n"
        "  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'csv-')), 'rows.json');\n"
        "  fs.writeFileSync(file, JSON.stringify([['a', 'say \"hi\"']]));\n"
        "  const program = require.resolve('../lib/csv.js');\n"
        "  const printed = execFileSync(process.execPath, [program, file], { encoding: 'utf8' });\n"
        '  assert.strictEqual(printed, \'a,"say ""hi"""\\n\');\n});\n',
        {},
        wrong='`"${field}"`',
        right='`"${field.replaceAll(\'"\', \'""\')}"`',
        opens="test('a child writes quotes twice', () => {",
        asserts='assert.strictEqual(printed, \'a,"say ""hi"""\\n\');',
        expects='\'a,"say ""hi"""\\n\'',
        returns='\'"say ""hi"""\'',
    ),
    _node(
        "health",
        "'use strict';\nconst http = require('node:http');\nconst status = require('tiny-status');\n\n"
        "function route(url) {\n  return url === '/health' ? status.ok : status.missing;\n}\n\n"
        "function create() {\n  return http.createServer((request, response) => {\n"
        "    response.statusCode = route(request.url);\n    response.end();\n  });\n}\n\n"
        "module.exports = { create, route };\n",
        "'use strict';\nconst test = require('node:test');\nconst assert = require('node:assert');\n"
        "const http = require('node:http');\nconst { create } = require('../lib/health.js');\n\n"
        "test('health is found with a query', async () => {\n  const server = create();\n"
        "  await new Promise((resolve, reject) => server.on('error', reject).listen(0, '::1', resolve));\n"
        "  const url = `http://[::1]:${server.address().port}/health?full=1`;\n"
        "  const response = await new Promise((resolve, reject) => http.get(url, resolve).on('error', reject));\n"
        "  response.resume();\n  server.close();\n  assert.strictEqual(response.statusCode, 200);\n});\n",
        {
            ".gitignore": "node_modules/\n",
            "node_modules/tiny-status/package.json": '{"name": "tiny-status", "main": "index.js"}\n',
            "node_modules/tiny-status/index.js": "module.exports = { ok: 200, missing: 404 };\n",
        },
        wrong="url === '/health'",
        right="url.split('?')[0] === '/health'",
        opens="test('health is found with a query', async () => {",
        asserts="assert.strictEqual(response.statusCode, 200);",
        expects="200",
        returns="200",
        loopback=True,
    ),
    _go(
        "sizes",
        'package sizes\n\nimport (\n\t"os"\n\t"os/exec"\n\t"strings"\n\n\t"example.com/digits"\n)\n\n'
        "// Bytes reads a size such as 4K.\nfunc Bytes(text string) int {\n"
        '\tnumber := digits.Value(strings.TrimSuffix(text, "K"))\n\tif strings.HasSuffix(text, "K") {\n'
        "\t\treturn number * 1000\n\t}\n\treturn number\n}\n\n// File reads the size that a file holds, by a child.\n"
        "func File(path string) (int, error) {\n\tif _, err := os.Stat(path); err != nil {\n\t\treturn 0, err\n\t}\n"
        '\ttext, err := exec.Command("cat", path).Output()\n\treturn Bytes(strings.TrimSpace(string(text))), err\n}\n',
        'package sizes\n\nimport (\n\t"os"\n\t"path/filepath"\n\t"testing"\n)\n\n'
        "func TestSizeOfAFile(t *testing.T) {\n"
        '\tpath := filepath.Join(t.TempDir(), "size")\n'
        '\tif err := os.WriteFile(path, []byte("4K\\n"), 0o600); err != nil {\n\t\tt.Fatal(err)\n\t}\n'
        "\tgot, err := File(path)\n\tif err != nil {\n\t\tt.Fatal(err)\n\t}\n"
        '\tif got != 4096 {\n\t\tt.Errorf("File(%q) = %d, want 4096", "4K", got)\n\t}\n}\n',
        {
            "example.com/digits": "// Package digits reads numbers.\npackage digits\n\n"
            "// Value of decimal digits.\nfunc Value(text string) int {\n\tvalue := 0\n"
            "\tfor _, digit := range text {\n\t\tvalue = value*10 + int(digit-'0')\n\t}\n\treturn value\n}\n"
        },
        wrong="number * 1000",
        right="number * 1024",
        opens="func TestSizeOfAFile(t *testing.T) {",
        asserts='if got != 4096 {\n\t\tt.Errorf("File(%q) = %d, want 4096", "4K", got)\n\t}',
        expects="4096",
        returns="4096",
    ),
    _go(
        "greet",
        'package greet\n\nimport (\n\t"fmt"\n\t"net/http"\n)\n\n// Handler greets whom the query names.\n'
        "func Handler(w http.ResponseWriter, r *http.Request) {\n"
        '\tfmt.Fprintf(w, "Hello, %s!", r.URL.Query().Get("nam"))\n}\n',
        'package greet\n\nimport (\n\t"io"\n\t"net/http"\n\t"net/http/httptest"\n\t"testing"\n)\n\n'
        "func TestGreetsByName(t *testing.T) {\n\tserver := httptest.NewServer(http.HandlerFunc(Handler))\n"
        '\tdefer server.Close()\n\tresponse, err := http.Get(server.URL + "/?name=Ada")\n\tif err != nil {\n'
        "\t\tt.Fatal(err)\n\t}\n\tbody, _ := io.ReadAll(response.Body)\n"
        '\tif string(body) != "Hello, Ada!" {\n\t\tt.Errorf("said %q, want %q", body, "Hello, Ada!")\n\t}\n}\n',
        {},
        wrong='Get("nam")',
        right='Get("name")',
        opens="func TestGreetsByName(t *testing.T) {",
        asserts='if string(body) != "Hello, Ada!" {\n\t\tt.Errorf("said %q, want %q", body, "Hello, Ada!")\n\t}',
        expects='"Hello, Ada!"',
        returns="",
        loopback=True,
    ),
)


def missing(failure: RealFailure) -> str:
    """Why a project cannot be run on this machine, "" when it can."""
    return "" if shutil.which(failure.program) else f"{failure.program} is not installed"


@dataclass(frozen=True, slots=True)
class Job:
    """Where a project was checked out and failed: the variables of its tools, and the log of the command."""

    top: Path
    tools: Mapping[str, str]
    printed: str


def failed_job(failure: RealFailure, folder: Path) -> Job:
    """Write the project, install what it needs, and run its command as a job does, outside of any sandbox."""
    top, home = folder / "checkout" / failure.name, folder / "home"
    for path, text in failure.files.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)
    home.mkdir()
    tools = {"HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    # What was compiled once need not be again; in the sandbox it is.
    compiled = os.environ.get("GOCACHE") or str(Path.home() / ".cache/go-build")
    variables = {**tools, "PYTHONPATH": "src", "CI": "true", "GOCACHE": compiled}
    if failure.modules:
        tools["GOMODCACHE"] = variables["GOMODCACHE"] = str(home / "go/pkg/mod")
        _download(failure.modules, folder / "proxy", top, variables)
    ran = subprocess.run(
        failure.command, shell=True, cwd=top, env=variables, capture_output=True, text=True, check=False
    )
    assert ran.returncode, f"{failure.name} does not fail"
    return Job(top, tools, f"{ran.stdout}\n{ran.stderr}")


def _download(modules: Mapping[str, str], proxy: Path, top: Path, variables: Mapping[str, str]) -> None:
    for module, source in modules.items():
        versions = proxy / module / "@v"
        versions.mkdir(parents=True)
        manifest = f"module {module}\n\ngo 1.19\n"
        (versions / "list").write_text("v1.0.0\n")
        (versions / "v1.0.0.info").write_text('{"Version": "v1.0.0", "Time": "2024-01-01T00:00:00Z"}')
        (versions / "v1.0.0.mod").write_text(manifest)
        with zipfile.ZipFile(versions / "v1.0.0.zip", "w") as archive:
            archive.writestr(f"{module}@v1.0.0/go.mod", manifest)
            archive.writestr(f"{module}@v1.0.0/{module.rpartition('/')[2]}.go", source)
    subprocess.run(
        ["go", "mod", "tidy"],
        cwd=top,
        env={**variables, "GOPROXY": f"file://{proxy}", "GOSUMDB": "off", "GOFLAGS": "-modcacherw"},
        check=True,
        capture_output=True,
    )
