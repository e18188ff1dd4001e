"""What the linters of documents and the generators of sites print."""

from cicd_agent.analysis.logs.failure_kind import Kind
from cicd_agent.analysis.logs.registry import Message, Tool

_DOCUMENTS = Tool(
    "documents",
    (
        Message(
            r"^(?P<path>\S+\.(?:md|markdown|mdx|rst|txt|adoc)):(?P<line>\d+)(?!\d|:? \(?(?:ERROR|WARNING|"
            r"SEVERE))(?::\d+)?:? ?(?P<code>MD\d+|[\w-]+/\w+)?",
            Kind.LINT_ERROR,
            (".md:", ".markdown:", ".mdx:", ".rst:", ".txt:", ".adoc:"),
            weight=0.9,
            example="README.md:14:81 MD013/line-length Line length [Expected: 80; Actual: 92]",
        ),
        Message(
            r"^\s*(?:\[(?P<code>[45]\d\d)\]|\[✖\]|✖(?= http)|(?P<status>[45]\d\d)) +(?:https?://|/|\./|\S+\.(?:md|"
            r"html))",
            Kind.LINT_ERROR,
            ("] http", "] /", "] ./", "404 http", "404 /", "✖ http"),
            example="[404] https://example.org/bricks",
        ),
        Message(
            r"^\s*\d+\. \[L\d+\] (?!200)\d{3} http|^> Links$|^ERROR: [1-9]\d* dead links? found|"
            r"^- .* \*  ?(?:internally|"
            r"External|linking)|^HTML-Proofer found [1-9]|^(?:Found|Detected) \d+ (?:broken|dead)",
            Kind.LINT_ERROR,
            ("[L", "> Links", "dead link", "linking", "HTML-Proofer found", "broken", " dead"),
            goes_on=r"^\s*\d+\. \[L\d+\]|^> |^\s+\S",
            most=30,
            example="""\
> Links
  1. [L296] 301 https://example.org/a → https://example.org/b
> Dupes
  None ✓""",
        ),
        Message(
            r"^\s+(?P<line>\d+):\d+\s+(?:error|warning)\s+.*\((?P<code>[\w-]+)\)$|"
            r"^(?P<path>[^\s:]+\.ya?ml):(?P<at>\d+):\d+: \S",
            Kind.LINT_ERROR,
            ("error ", "warning ", ".yml:", ".yaml:"),
            goes_on=r"^\s+\d* ?\||^\s+\d+:\d+\s+(?:error|warning)",
            most=12,
            example="  14:1      error    wrong indentation: expected 4 but found 2  (indentation)",
        ),
        Message(
            r"^✖\s+(?:subject|type|header|body|scope|footer)\b.*\[(?P<code>[\w-]+)\]|^(?:⧗|✖) +(?:input|found)|"
            r"^Commit (?:message|title|subject) .*(?:must|should|does not|is not)|^.{0,60}(?:Signed-off-by|"
            r"DCO)\b.{0,40}(?:missing|not found|required)",
            Kind.LINT_ERROR,
            ("✖ ", "⧗ ", "Commit ", "Signed-off-by", "DCO"),
            example="✖   subject may not be empty [subject-empty]",
        ),
        Message(
            r"^(?P<path>[^\s:]+):(?P<line>\d+):(?:\d+:)? ?(?:.*==> \S|Line longer than \d|"
            r".*(?:[Tt]railing whitespace|misspell|No newline at end of file))|^\s*Unknown word \(",
            Kind.LINT_ERROR,
            (
                "==> ",
                "trailing whitespace",
                "misspell",
                "Unknown word",
                "Line longer than",
                "Trailing whitespace",
                "No newline at end",
            ),
            weight=0.9,
            example="docs/bill.md:14: recieve ==> receive",
        ),
        Message(
            r"^>>> Lint for |^\s*(?:Error|Warning|Advice) \((?P<code>\w+)\) \S",
            Kind.LINT_ERROR,
            (">>> Lint for ", "Error (", "Warning (", "Advice ("),
            goes_on=r"^\s+\S|^$",
            most=20,
            weight=0.95,
            example="""\
>>> Lint for src/bill.py:

  Error (FLAKE8) F401
    'os' imported but unused

    >>>   1  |import os""",
        ),
        Message(
            r"^\S+: (?:missing|seems to be missing|doesn't (?:have|contain)|does not (?:have|contain)|"
            r"lacks) .*(?:license|licence|copyright|header|guard|newline|include)|"
            r"^(?:.{0,80}(?:[Ll]icen[cs]e|[Cc]opyright) headers? .{0,40}(?:missing|not found|invalid|incorrect|wrong))",
            Kind.LINT_ERROR,
            ("missing", "doesn't ", "does not ", "lacks ", "header"),
            most=4,
            example="src/bill.h: missing licence header",
        ),
    ),
)

_SITES = Tool(
    "site generators",
    (
        Message(
            r"(?:^|\s)ERROR \d{4}/\d\d/\d\d |^(?:ERROR|WARN) .*(?:REF_NOT_FOUND|failed to render)|^Error: (?:Error|"
            r"error) building site",
            Kind.BUILD_ERROR,
            ("ERROR 2", "REF_NOT_FOUND", "failed to render", "building site"),
            example=(
                'ERROR 2025/08/02 10:11:12 [en] REF_NOT_FOUND: Ref "/docs/bill": "/src/content/docs/index.md:14:9": '
                "not found"
            ),
        ),
        Message(
            r"^\s*(?:Liquid Exception: |Conversion error: |ERROR: YOUR SITE COULD NOT BE BUILT|jekyll \S+ \| Error: |"
            r"YAML Exception reading |"
            r"Dependency Error: |Invalid date )",
            Kind.BUILD_ERROR,
            (
                "Liquid Exception",
                "Conversion error",
                "YOUR SITE COULD NOT",
                "| Error:",
                "YAML Exception",
                "Dependency Error",
                "Invalid date ",
            ),
            goes_on=r"^\s+\S",
            most=4,
            example="  Liquid Exception: Liquid syntax error (line 14): Unknown tag 'totl' in docs/bill.md",
        ),
        Message(
            r"^\s*(?:ERROR\s+#\w+|\[ERROR\] (?:Docusaurus|Error: Unable to build)|error\s+Building |"
            r"Exhaustive list of all broken)",
            Kind.BUILD_ERROR,
            ("ERROR", "error", "Exhaustive list"),
            goes_on=r"^\s*\S|^$",
            most=12,
            example="""\
 ERROR #98123  WEBPACK

Generating JavaScript bundles failed

Can't resolve './totals' in '/src/src'""",
        ),
    ),
)

DOCUMENTS = (_DOCUMENTS, _SITES)
