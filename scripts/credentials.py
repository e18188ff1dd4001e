"""Writes src/cicd_agent/domain/text/gitleaks.toml: the rules of gitleaks, as our masking reads them.

    python scripts/credentials.py CLONE     a clone of https://github.com/gitleaks/gitleaks, at the commit to take

Of a rule remain its id, its pattern in Python's dialect, its entropy and what a line with a match cannot lack. A rule
is a token that is known by its own shape, or a value that is known by the name of a service before it (`name`).
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "src" / "cicd_agent" / "domain" / "text" / "gitleaks.toml"

LEFT_OUT = {
    "public by design": """adobe-client-id asana-client-id bitbucket-client-id discord-client-id linkedin-client-id
        looker-client-id messagebird-client-id plaid-client-id sendbird-access-id sumologic-access-id
        new-relic-user-api-id new-relic-browser-api-token flutterwave-public-key lob-pub-api-key mailgun-pub-key
        mapbox-api-token""",
    "so short that words and numbers fit": """airtable-api-key confluent-access-token dropbox-api-token
        linkedin-client-secret flutterwave-encryption-key lob-api-key""",
    "several lines, or a matter of the file's name": """curl-auth-header curl-auth-user private-key
        kubernetes-secret-yaml nuget-config-password pkcs12-file freemius-secret-key""",
    "too much fits": "generic-api-key hashicorp-tf-password sourcegraph-access-token vault-service-token jwt",
    "credentials.toml has a shape that fits all of it and more": """anthropic-admin-api-key anthropic-api-key
        github-app-token github-fine-grained-pat github-oauth github-pat github-refresh-token
        huggingface-access-token huggingface-organization-api-token openai-api-key pypi-upload-token slack-app-token
        slack-bot-token slack-config-access-token slack-config-refresh-token slack-legacy-bot-token slack-legacy-token
        slack-legacy-workspace-token slack-user-token slack-webhook-url""",
    "Base64 of anything may begin so; credentials.toml has the other form": "square-access-token",
}
"""Rules that are not taken, by the reason."""
ELSEWHERE = frozenset({"intra", "cloudflare"})
"""Keywords that may stand on another line than the token, of rules whose other keywords are in the token itself."""

_OPERATOR = r"(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)"
_END = r"""(?:[\x60'"\s;]|\\[nr]|$)"""
_PREFIX = re.compile(r"\[\\w\.-\]\{0,50\}\?(?:\(\?i:\[\\w\.-\]\{0,50\}\?)?")
_GAP = re.compile(r"""\(\?:\[ \\t\\w\.-\]\{0,20\}\)\[\\s'"\]\{0,3\}\)?$""")
_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|\(\?P<\w+>|\(\?[a-z-]*[:)]|[(){}|+*?]|.", re.DOTALL)
_MOST = 1_000
_LEAST_ENTROPY = 2  # what has more than five characters that differ has more
_BEFORE, _AFTER = "(?<![A-Za-z0-9])", "(?![A-Za-z0-9])"


def pieces(regex: str) -> list[str]:
    """Escapes, classes, openings of groups, and single characters."""
    return _PIECE.findall(regex)


def in_python(regex: str) -> str:
    """The same in the dialect of `re`, and no repetition without an end: what a match may cost is bounded."""
    parts, closings = [""], [0]
    for each in pieces(regex):
        piece = each
        if piece == "(?i)":
            # In Go it holds to the end of the group that it stands in.
            parts.append("(?i:")
            closings[-1] += 1
            continue
        if piece.startswith("("):
            closings.append(0)
            piece = "(?:" if piece.startswith("(?P<") else piece
        elif piece == ")":
            parts.append(")" * closings.pop())
        elif piece in {"+", "*"}:
            piece = f"{{{'01'[piece == '+']},{_MOST}}}"
        elif piece == r"\z":
            piece = r"\Z"
        parts.append(piece.replace("[:alnum:]", "A-Za-z0-9"))
    text = "".join([*parts, ")" * closings.pop()])
    return re.sub(r"\{(\d+),\}", rf"{{\1,{_MOST}}}", text).replace(r"\x60", "`")


def token_rule(regex: str) -> str:
    """A pattern whose only group is the token."""
    begun = regex.startswith(("(?:^", r"(?:https?", "https"))
    body = regex.removesuffix(_END).removesuffix("(?:[^\\w-]|\\z)").removesuffix("(?:[^a-zA-Z0-9+/]|\\z)")
    ended = body != regex or body.endswith(r"\b")
    flag = "(?i)" if body.startswith("(?i)") else ""
    body = body.removeprefix("(?i)").removeprefix(r"\b").removesuffix(r"\b")
    text = in_python(flag + body)
    groups = list(groups_of(text))
    if len(groups) != 1 or groups[0] in "{*+?":
        text = f"({without_groups(text)})"
    return f"{'' if begun else _BEFORE}{text}{_AFTER if ended else ''}"


def without_groups(text: str) -> str:
    return "".join("(?:" if piece == "(" else piece for piece in pieces(text))


def groups_of(text: str) -> Iterator[str]:
    """What stands behind each group that captures and is in no other one that does."""
    stack: list[bool] = []
    parts = pieces(text)
    for at, piece in enumerate(parts):
        if piece.startswith("(") and not piece.endswith(")"):
            stack.append(piece == "(")
        elif piece == ")" and stack.pop() and True not in stack:
            yield "".join(parts[at + 1 : at + 2]) or " "


def rules_of(rule: dict[str, Any]) -> Iterator[dict[str, Any]]:
    regexes = rule["regex"].split(_END + "|")
    for number, part in enumerate(regexes, 1):
        regex = part + (_END if number < len(regexes) else "")
        table: dict[str, Any] = {"id": rule["id"] if number == 1 else f"{rule['id']}-{number}"}
        before, operator, value = regex.partition(_OPERATOR)
        if operator:
            name = _GAP.sub("", _PREFIX.sub("", before.removeprefix("(?i)"), count=1))
            value = value.partition("]{0,5}")[2].removesuffix(_END)
            value = value[1:-1]
            flag = "(?i)" if before.startswith("(?i)") else ""
            table |= {"name": without_groups(in_python(name)), "pattern": in_python(flag + value.replace("(?i)", ""))}
            table["hints"] = [each for each in rule["keywords"] if each != "atatt3"]
        else:
            table["pattern"] = token_rule(regex)
            known = [each for each in rule["keywords"] if each not in ELSEWHERE]
            known = [each for each in known if number == 1 or each in regex.lower()]
            table["hints"] = list(dict.fromkeys(as_written(each, regex) for each in known))
        if rule.get("entropy", 0) > _LEAST_ENTROPY:
            table["entropy"] = rule["entropy"]
        yield table


def as_written(keyword: str, regex: str) -> str:
    """The keyword with the capitals that the pattern asks for: in small letters where it does not."""
    found = re.search(re.escape(re.escape(keyword)).replace("\\\\\\-", r"(?:\\\\)?-"), regex, re.IGNORECASE)
    text = found[0].replace("\\", "") if found else keyword
    return keyword if found is None or "(?i)" in regex[: found.start()] else text


def line_of(name: str, value: object) -> str:
    if isinstance(value, list):
        return f"{name} = [{', '.join(map(quoted, value))}]"
    return f"{name} = {quoted(value) if isinstance(value, str) else value}"


def quoted(text: str) -> str:
    return f"'''{text}'''" if "'" in text else f"'{text}'"


def main(clone: str) -> None:
    def git(*args: str) -> str:
        return subprocess.run(["git", "-C", clone, *args], check=True, capture_output=True, text=True).stdout

    left_out = {rule for rules in LEFT_OUT.values() for rule in rules.split()}
    rules = tomllib.loads(git("show", "HEAD:config/gitleaks.toml"))["rules"]
    if unknown := left_out - {rule["id"] for rule in rules}:
        sys.exit(f"gitleaks has no rules {', '.join(sorted(unknown))} any more: take them out of LEFT_OUT")
    licence = "".join(f"# {line}".rstrip() + "\n" for line in git("show", "HEAD:LICENSE").splitlines())
    head = git("rev-parse", "HEAD").strip()
    source = "config/gitleaks.toml of https://github.com/gitleaks/gitleaks"
    parts = [f"# Made by scripts/credentials.py from {source} at\n# {head}; do not edit. Its licence:\n#\n{licence}"]
    for rule in rules:
        if rule["id"] not in left_out:
            for table in rules_of(rule):
                re.compile(table["pattern"])
                lines = [line_of(name, value) for name, value in table.items() if name != "id"]
                parts.append(f"[{table['id']}]\n" + "\n".join(lines) + "\n")
    TARGET.write_text("\n".join(parts), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
