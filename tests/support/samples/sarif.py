"""Small SARIF files in the shape of real tools', and hostile ones."""

import json
from typing import Any

Json = dict[str, Any]


def document(*runs: Json) -> bytes:
    return json.dumps({"version": "2.1.0", "runs": list(runs)}).encode()


def place(uri: str, line: int, **region: Any) -> list[Json]:
    return [{"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": line, **region}}}]


def codeql(uri: str = "app.py", line: int = 5) -> Json:
    """Rules live in an extension, the place is an index into the artifacts, the message links to a location."""
    return {
        "tool": {
            "driver": {"name": "CodeQL", "semanticVersion": "2.23.0", "rules": []},
            "extensions": [
                {
                    "name": "codeql/python-queries",
                    "rules": [
                        {
                            "id": "py/command-line-injection",
                            "shortDescription": {"text": "Uncontrolled command line"},
                            "defaultConfiguration": {"enabled": True, "level": "error"},
                            "properties": {
                                "tags": ["correctness", "security", "external/cwe/cwe-078"],
                                "precision": "high",
                                "security-severity": "9.8",
                            },
                        }
                    ],
                }
            ],
        },
        "artifacts": [{"location": {"uri": uri, "uriBaseId": "%SRCROOT%", "index": 0}}],
        "results": [
            {
                "ruleId": "py/command-line-injection",
                "rule": {"id": "py/command-line-injection", "index": 0, "toolComponent": {"index": 0}},
                "message": {"text": "This command line depends on a [user-provided value](1)."},
                "locations": [
                    {
                        "physicalLocation": {
                            "artifactLocation": {"uriBaseId": "%SRCROOT%", "index": 0},
                            "region": {"startLine": line, "startColumn": 15, "endColumn": 29},
                        }
                    }
                ],
                "partialFingerprints": {"primaryLocationLineHash": "39fa2ee980eb94b0:1"},
            }
        ],
    }


def semgrep(uri: str = "app.py", line: int = 5, snippet: str = '    os.system(f"echo {name}")') -> Json:
    """Without levels in the results, with the matched lines."""
    rule = "python.lang.security.audit.dangerous-system-call"
    return {
        "tool": {
            "driver": {
                "name": "Semgrep OSS",
                "rules": [
                    {
                        "id": rule,
                        "shortDescription": {"text": f"Semgrep Finding: {rule}"},
                        "defaultConfiguration": {"level": "error"},
                        "properties": {"precision": "very-high", "tags": ["CWE-78: OS Command Injection", "security"]},
                    }
                ],
            }
        },
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": []}],
        "results": [
            {
                "ruleId": rule,
                "message": {"text": "Found a dynamic system call."},
                "locations": place(uri, line, endLine=line, snippet={"text": snippet}),
                "fingerprints": {"matchBasedId/v1": "requires login"},
            }
        ],
    }


def zizmor(uri: str = "file:///github/workspace/.github/workflows/ci.yml", line: int = 7) -> Json:
    """Rules with the tool's prefix, a level for each result, properties with slashes."""
    return {
        "tool": {
            "driver": {
                "name": "zizmor",
                "rules": [
                    {
                        "id": "zizmor/template-injection",
                        "name": "template-injection",
                        "shortDescription": {"text": "code injection via template expansion"},
                        "properties": {"tags": ["security"]},
                    }
                ],
            }
        },
        "results": [
            {
                "ruleId": "zizmor/template-injection",
                "kind": "fail",
                "level": "error",
                "message": {"text": "code injection via template expansion"},
                "locations": place(uri, line),
                "properties": {"zizmor/confidence": "High", "zizmor/severity": "High"},
            }
        ],
    }


def lint(uri: str = "app.py", line: int = 5, **more: Any) -> Json:
    """A small tool that says what it has to."""
    result = {"ruleId": "L1", "message": {"text": "It is long"}, "locations": place(uri, line), **more}
    return {"tool": {"driver": {"name": "lint"}}, "results": [result]}


NOT_SARIF = [
    b"",
    b"\xff\xfe\x00",
    b"[" * 200_000,
    b"[]",
    b"null",
    b"{}",
    b'{"version": "2.1.0", "runs": {}}',
    b'{"version": "1.0.0", "runs": []}',
    b"9" * 10_000,
]
WRONG: list[Any] = [None, True, -1, 1e400, "x", [], {}, [None], {"text": 3}, "\ud800", 10**30]
