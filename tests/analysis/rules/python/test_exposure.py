import ast

import pytest

from cicd_agent.analysis.rules.run import findings
from cicd_agent.domain.finding import Severity
from tests.support.samples.changes import change_of

FLASK = (
    "import os\nimport shutil\nfrom pathlib import Path\nimport requests\nfrom flask import Flask, request, send_file\n"
)
FLASK += "from urllib.parse import urljoin, urlparse\napp = Flask(__name__)\n\n\n"
ROUTE = '@app.route("/x")\ndef x():\n'
FASTAPI = "import httpx\nfrom fastapi import APIRouter, Depends, UploadFile\nfrom pydantic import BaseModel\n"
FASTAPI += "router = APIRouter()\n"
FASTAPI += "class Wanted(BaseModel):\n    url: str\n    port: int\n\n\n"


def ids(text: str, path: str = "shop/views.py") -> list[str]:
    if path.endswith(".py"):
        ast.parse(text)
    return [found.id for found in findings(change_of((path, None, text)))]


def flask(body: str) -> list[str]:
    return ids(FLASK + ROUTE + "".join(f"    {line}\n" for line in body.split("\n")))


@pytest.mark.parametrize(
    "body",
    [
        'return requests.get(request.args.get("url"), timeout=5).text',
        'return requests.get(request.args["url"].strip(), timeout=5).text',
        'url = request.form["url"] or "http://a.example"\nreturn requests.post(url, timeout=5).text',
        'url = "http://{}/x".format(request.values["host"])\nreturn requests.get(url, timeout=5).text',
        'url = "http://%s/x" % request.values["host"]\nreturn requests.get(url, timeout=5).text',
        'host = request.json["host"]\nreturn requests.request("GET", "https://" + host, timeout=5).text',
        'data = request.get_json()\nurl = data["url"]\nreturn requests.get(url, timeout=5).text',
        'data = request.get_json()\nif data["kind"] not in KINDS:\n    return ""\nrequests.get(data["url"], timeout=5)',
        'return requests.get(urljoin("https://a.example/", request.args["path"]), timeout=5).text',
        'url = request.args["url"]\nif not url.startswith("http"):\n    return ""\nrequests.get(url, timeout=5)',
        'url = request.args["url"]\nif urlparse(url).scheme != "https":\n    return ""\nrequests.get(url, timeout=5)',
        'if "url" in request.args:\n    return requests.get(request.args["url"], timeout=5).text',
        'for url in request.args.getlist("url"):\n    requests.get(url, timeout=5)',
        'if url := request.args.get("url"):\n    requests.get(url, timeout=5)',
        'with requests.Session() as session:\n    session.get(request.args["url"])',
    ],
)
def test_an_address_from_a_request_is_found(body: str) -> None:
    assert flask(body) == ["ssrf-from-request"]


@pytest.mark.parametrize(
    "body",
    [
        'requests.get("https://a.example/" + request.args["name"], timeout=5)',
        'requests.get(f"{API}/users/{request.args["name"]}", timeout=5)'.replace('["name"]', "['name']"),
        'requests.get(API, params={"q": request.args["q"]}, timeout=5)',
        'requests.get(ADDRESSES[request.args["name"]], timeout=5)',
        'requests.get(lookup(request.args["name"]).url, timeout=5)',
        'url = request.args["url"]\nif url in ALLOWED:\n    requests.get(url, timeout=5)',
        'url = request.args["url"]\nvalidate_url(url)\nrequests.get(url, timeout=5)',
        'url = check(request.args["url"])\nrequests.get(url, timeout=5)',
        'url = request.args["url"]\nif urlparse(url).netloc != HOST:\n    raise X\nrequests.get(url, timeout=5)',
        'url = request.args["url"]\nif not url.startswith(API):\n    return ""\nrequests.get(url, timeout=5)',
        'url = request.args["url"]\nurl = "https://a.example"\nrequests.get(url, timeout=5)',
        'page = request.args.get("page", type=int)\nrequests.get(page, timeout=5)',
        'return requests.get(request.args["u"], timeout=5) if is_safe(request.args["u"]) else ""',
        'parsed = urlparse(request.args["url"])\nrequests.get(f"https://a.example{parsed.path}", timeout=5)',
    ],
)
def test_an_address_that_is_fixed_or_checked_is_left_alone(body: str) -> None:
    assert flask(body) == []


@pytest.mark.parametrize(
    "body",
    [
        'return open("/srv/" + request.args["name"]).read()',
        'return open(os.path.join("/srv", request.args["name"])).read()',
        'path = os.path.abspath(os.path.join("/srv", request.args["name"]))\nreturn open(path).read()',
        'path = Path("/srv") / request.args["name"]\nreturn path.read_text()',
        "os.remove(f\"/srv/{request.form['name']}.txt\")",
        'shutil.rmtree(Path("/srv", request.form["name"]))',
        'name = request.args.get("name", "a.txt")\nif os.path.exists(name):\n    return send_file(name)',
        'for file in request.files.getlist("f"):\n    file.save("/srv/" + file.filename)',
        'os.rename("/srv/a", "/srv/" + request.form["name"])',
    ],
)
def test_a_path_from_a_request_is_found(body: str) -> None:
    assert flask(body) == ["path-from-request"]


@pytest.mark.parametrize(
    "body",
    [
        'open("/srv/" + secure_filename(request.args["name"]))',
        'open("/srv/" + os.path.basename(request.args["name"]))',
        'open(Path("/srv") / Path(request.args["name"]).name)',
        'name = request.args["name"]\nif ".." in name or name.startswith("/"):\n    return ""\nopen("/srv/" + name)',
        'path = abspath(request.args["n"])\nif os.path.commonpath([path, ROOT]) != ROOT:\n    abort(404)\nopen(path)',
        'path = abspath(request.args["n"])\nif not path.startswith(ROOT + os.sep):\n    abort(404)\nopen(path)',
        'if not re.fullmatch("[a-z]+", request.args["name"]):\n    return ""\nopen("/srv/" + request.args["name"])',
        'request.files["f"].save("/srv/upload.bin")',
        'open("/srv/data.json", request.args["mode"])',
        "open(f\"/srv/{int(request.args['n'])}.txt\")",
        'open("/srv/" + request.args["name"].replace("../", ""))',
    ],
)
def test_a_path_that_is_fixed_or_checked_is_left_alone(body: str) -> None:
    assert flask(body) == []


@pytest.mark.parametrize(
    ("route", "expected"),
    [("/<path:name>", ["path-from-request"]), ("/<name>", []), ("/<int:name>", []), ("/<uuid:name>", [])],
)
def test_only_a_part_of_the_path_that_may_hold_a_slash_leaves_a_folder(route: str, expected: list[str]) -> None:
    assert ids(f'{FLASK}@app.get("{route}")\ndef x(name):\n    return send_file(f"/srv/{{name}}")\n') == expected


@pytest.mark.parametrize(
    ("parameters", "call", "expected"),
    [
        ("url: str", "httpx.get(url)", ["ssrf-from-request"]),
        ("url: str | None = None", "httpx.get(url)", ["ssrf-from-request"]),
        ("body: Wanted", "httpx.get(body.url)", ["ssrf-from-request"]),
        ("body: Wanted", 'httpx.get(f"http://{body.port}")', []),
        ("body: Other", "httpx.get(body.url)", []),
        ("port: int", 'httpx.get(f"http://{port}")', []),
        ("url: str = Depends(configured)", "httpx.get(url)", []),
        ("name: str", "open(name)", ["path-from-request"]),
        ("file: UploadFile", 'open(f"/srv/{file.filename}", "wb")', ["path-from-request"]),
        ("file: UploadFile", 'open("/srv/x", "wb").write(file.file.read())', []),
    ],
)
def test_parameters_of_fastapi_are_what_their_types_say(parameters: str, call: str, expected: list[str]) -> None:
    assert ids(f'{FASTAPI}@router.get("/x")\ndef x({parameters}):\n    return {call}\n') == expected


def test_what_administrators_may_do_weighs_less() -> None:
    text = f'{FASTAPI}@router.get("/x")\ndef x(url: str, user=Depends(get_admin_user)):\n    return httpx.get(url)\n'
    (found,) = findings(change_of(("shop/views.py", None, text)))
    assert found.severity is Severity.MEDIUM


@pytest.mark.parametrize(
    ("before", "view", "expected"),
    [
        ("import requests", 'def f(request):\n    requests.get(request.GET["u"], timeout=5)\n', ["ssrf-from-request"]),
        ("import requests", 'def f(request):\n    requests.get(request.params["u"], timeout=5)\n', []),
        ("from urllib import request", 'def f():\n    request.urlopen(request.GET["u"], timeout=5)\n', []),
        (
            "from aiohttp import web",
            'async def f(request):\n    return open(request.match_info["name"])\n',
            ["path-from-request"],
        ),
        (
            "import tornado.web",
            'class H(tornado.web.RequestHandler):\n    def get(self):\n        open(self.get_argument("f"))\n',
            ["path-from-request"],
        ),
        ("import requests", 'def f(job):\n    requests.get(job.args["url"], timeout=5)\n', []),
    ],
)
def test_each_framework_has_its_requests(before: str, view: str, expected: list[str]) -> None:
    assert ids(f"{before}\n\n\n{view}") == expected


def test_only_what_a_change_adds_is_reported() -> None:
    before = FLASK + ROUTE + '    url = request.args["url"]\n    return requests.get(url, timeout=5).text\n'
    assert [found.id for found in findings(change_of(("v.py", before, before + "\n\nLIMIT = 3\n")))] == []
    fixed = before.replace('request.args["url"]', '"https://a.example"')
    assert [found.id for found in findings(change_of(("v.py", fixed, before)))] == ["ssrf-from-request"]


def handler(*lines: str, caught: str = "Exception as e", route: str = ROUTE) -> list[str]:
    body = "".join(f"        {line}\n" for line in lines)
    return ids(
        f"{FLASK}import logging, traceback\nfrom flask import jsonify\n"
        f"{route}    try:\n        run()\n    except {caught}:\n{body}"
    )


@pytest.mark.parametrize(
    "line",
    [
        "return str(e), 500",
        'return jsonify(error=f"failed: {e}"), 400',
        'return "failed: %s" % e',
        "return jsonify(error=repr(e))",
        "return traceback.format_exc(), 500",
        'message = f"{e}"; return jsonify(error=message)',
    ],
)
def test_the_text_of_any_error_in_an_answer_is_found(line: str) -> None:
    assert handler(*line.split("; ")) == ["error-leaked"]


@pytest.mark.parametrize(
    ("line", "caught"),
    [
        ('logging.error("failed: %s", e);return "failed", 500', "Exception as e"),
        ("return str(e), 400", "ValueError as e"),
        ("return str(e), 400", "(ValueError, KeyError) as e"),
        ("return type(e).__name__, 500", "Exception as e"),
        ('if app.debug:;    return str(e);return "failed"', "Exception as e"),
        ('if isinstance(e, OwnError):;    return str(e);return "failed"', "Exception as e"),
        ("raise OwnError(str(e))", "Exception as e"),
        ("return jsonify(error=sanitize_text(str(e))), 500", "Exception as e"),
    ],
)
def test_an_error_that_is_logged_or_meant_for_clients_is_left_alone(line: str, caught: str) -> None:
    assert handler(*line.split(";"), caught=caught) == []


@pytest.mark.parametrize(("status", "confidence"), [(400, 0.6), (500, 0.85)])
def test_a_bad_request_after_one_statement_is_said_quietly(status: int, confidence: float) -> None:
    lines = f"    try:\n        run()\n    except Exception as e:\n        return str(e), {status}\n"
    (found,) = findings(change_of(("v.py", None, FLASK + ROUTE + lines)))
    assert (found.id, found.confidence) == ("error-leaked", confidence)


def test_a_function_that_answers_nobody_may_return_an_error() -> None:
    assert handler("return str(e)", route="def x():\n") == []
    assert handler("return str(e)", route="def x(request):\n") == []


def test_a_handler_of_all_errors_is_found() -> None:
    text = f"{FLASK}@app.errorhandler(@)\ndef failed(error):\n    return str(error), 500\n"
    assert ids(text.replace("@)", "Exception)")) == ["error-leaked"]
    assert ids(text.replace("@)", "500)")) == ["error-leaked"]
    assert ids(text.replace("@)", "404)")) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("axios.get(`http://${req.query.host}/x`)", ["ssrf-from-request"]),
        ("axios.get(`https://a.example/${req.query.name}`)", []),
        ("fetch(allowed(req.query.url))", []),
        ("fs.readFile(path.join(ROOT, req.params.name), done)", ["path-from-request"]),
        ("fs.createReadStream(`./files/${req.query.name}`)", ["path-from-request"]),
        ("fs.readFile(path.join(ROOT, path.basename(req.params.name)), done)", []),
        ("res.status(500).json({ error: err.stack })", ["error-leaked"]),
        ("res.status(500).json({ error: err.message })", []),
    ],
)
def test_express_is_read_where_one_line_says_it(line: str, expected: list[str]) -> None:
    assert ids(f"{line};\n", "web/app.js") == expected
