"""Writes the pages and schemas that are made from the code: `python scripts/docs.py`, or `--check` to compare only."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]  # the pages tell of this tree, whatever is installed

from cicd_agent.analysis.logs.registry import tool_schema  # noqa: E402
from cicd_agent.app.serialization import schema as envelope_schema  # noqa: E402
from cicd_agent.domain.modes import MODES  # noqa: E402
from cicd_agent.insights.metrics.page import page as metrics_page  # noqa: E402
from cicd_agent.settings.environment import AUDIENCE, FALLBACKS  # noqa: E402
from cicd_agent.settings.values import Setting, catalogue, config_schema, organisation_schema  # noqa: E402
from scripts.actions import action, sub_action, sub_actions  # noqa: E402
from scripts.called import called  # noqa: E402
from scripts.pages import all_permissions, events, exits, messages, of_mode  # noqa: E402
from scripts.pages.excerpt import excerpt  # noqa: E402
from scripts.pages.marked import Maker, remade  # noqa: E402
from scripts.pages.rows import default, table  # noqa: E402
from scripts.pages.rules import page as rules_page  # noqa: E402

MARK = "<!-- Made by scripts/docs.py from src/cicd_agent/settings: change that, then `make docs`. -->"
OF_CODE = "<!-- Made by scripts/docs.py from the code: change that, then `make docs`. -->"

CONFIGURATION = """\
# Configuration

{mark}

Nothing has to be configured. What is, comes from the first of these that says something:

1. an **input**: `with:` in the workflow, `--input NAME=VALUE` at a terminal, or the variable `INPUT_<NAME>`
   (upper case, `-` as `_`);
2. the **config file** of the base branch, `.github/cicd-agent.yml`: for a pull request the branch it goes into, for a
   push the commit before it, else the default branch;
3. the **default**.

An **organisation** can come before all of them, and between the file and the default: the input `organisation-config`
holds what it locks and what it leaves open ([fleet.md](organisations.md)).

Empty is unset. `cicd-agent config explain` prints every value with the place it came from, with
`--changed` only what is not the default.

A pull request is judged by the configuration that was there before it: changing the file takes effect when the change
is merged. Inputs stand in the workflow file, which a pull request of this repository can change for its own run; a
required workflow of the organisation takes that away.

## Settings

{settings}

**input** means that the config file may not name it: secrets, hosts, commands and paths stay out of reach of whoever
writes a change. **file** means that no action has an input for it: what
differs between workflows stands in the [section](#a-config-file) of a mode, or in a file of its own that `config-file`
names. At a terminal, `--input NAME=VALUE` takes these, too, unless they are mappings.

A **section** with the name of a mode holds what counts in that mode alone, and counts more there than the same key
above all sections. A setting that only one mode has may stand in its section or above.

A list is a YAML list in the file; as an input its items stand on lines of their own or between commas. Numbers and
`true` or `false` are written plainly, and `off` and `no` are words here, not booleans.

## A config file

```yaml
# .github/cicd-agent.yml
min-severity: high
max-comments: 10
paths-ignore:
  - vendor/**
  - "*.generated.py"
rules:
  debugger-call: off
  http-timeout: critical
review: # in this mode alone
  model: gpt-5.4
gen-tests:
  timeout-minutes: 30
prices: # US dollars per million tokens
  our-own-model: {{input: 0.20, cached-input: 0.02, output: 0.80}}
instructions: |
  Money is in cents everywhere. Anything under `legacy/` may only be deleted.
```

Editors check it as you type with the published schema,
[schema/config.schema.json](../../schema/config.schema.json), which `cicd-agent schema config` prints as well:

```yaml
# yaml-language-server: $schema=./path/to/config.schema.json
```

## Models

`model` judges: it reviews, and says what is risky. `fast-model` does what needs no judgement. With `base-url`, where
the default's name may mean nothing, `fast-model` is `model` until you name one.

`fallback-model` is asked when the other is not available: no connection, a rate limit, a server that fails. It is not
asked when the model answers badly, nor in a mode that fails closed. The report says which model answered, and why.

A run may spend `max-cost-usd`, by default what suits its mode. What a model costs comes from `prices`, else from a
table that comes with the program. The cost of a model without a price is unknown, never 0: `cost_usd` is empty, and
`max-input-tokens` holds the run.

### OpenAI without a key

OpenAI takes the identity that GitHub vouches for in place of a key. Let an owner of the organisation make a workload
identity provider and a service account mapping
([OpenAI's guide](https://developers.openai.com/api/docs/guides/workload-identity-federation/github-actions)), then:

```yaml
permissions:
  contents: read
  pull-requests: write
  id-token: write
env:
  OPENAI_IDENTITY_PROVIDER_ID: … # of the workload identity provider
  OPENAI_SERVICE_ACCOUNT_ID: … # of the service account
steps:
  - uses: org/cicd-agent@v1
    with:
      mode: review
```

It is used when there is no key and the server is OpenAI's. `OPENAI_IDENTITY_AUDIENCE` is the
audience of the provider, `{audience}` when it is not set.

## Slack

Give the webhook of a channel (`slack-webhook-url`), or the token of an app with the scope `chat:write` and the id of
the channel (`slack-token`, `slack-channel`); with both, the webhook counts. Only what needs somebody is told there, in
one line that calls nobody and links to your GitHub server only. That Slack cannot be reached is a warning, no more.

```yaml
with:
  slack-webhook-url: ${{{{ secrets.SLACK_WEBHOOK_URL }}}}
```

## Silencing a finding

| for | write |
|---|---|
| a rule, everywhere | `rules: {{<id>: off}}` in the config file, or a severity to keep it and change its weight |
| one line | `cicd-agent: ignore[<id>] reason` in a comment on the line |
| some files | `paths-ignore` |
| one conversation | resolve its thread on the pull request |

What is silenced is counted in the summary, and listed when the change itself silences it.

## Environment

On GitHub Actions everything that is needed is there. Elsewhere, these say the same:

| variable | meaning |
|---|---|
{fallbacks}
| `GITHUB_EVENT_PATH`, `GITHUB_EVENT_NAME` | the event; `--event` and `--event-name` come before them |
| `GITHUB_API_URL`, `GITHUB_SERVER_URL` | a GitHub Enterprise server |
| `OPENAI_ORG_ID`, `OPENAI_PROJECT_ID` | on whose account at OpenAI requests are, where a key is good for several |
| `OPENAI_IDENTITY_PROVIDER_ID`, `OPENAI_SERVICE_ACCOUNT_ID` | what the job's identity stands for at OpenAI |
| `OPENAI_IDENTITY_AUDIENCE` | whom that identity is made for |
| `HTTPS_PROXY`, `NO_PROXY` | the proxy, for Slack too |
| `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE` | certificates to trust; the first that is set counts |
| `NO_COLOR`, `TERM=dumb` | no colours and no links at a terminal |

## When something is wrong

A wrong **input** ends the run with exit code 2 and one line that names every wrong input:

    cicd-agent: an input is wrong (unknown input `min-severty`, did you mean `min-severity`?). …

A wrong entry of the **config file** does not: it is ignored, named with its line, and `account.config_status` in
[the report](report.md) says `invalid` (else `ok`, or `absent` without a file). The other entries count. A mode that
fails closed holds.
What is wrong in `organisation-config` is a wrong input: nothing of it is ignored.

    .github/cicd-agent.yml line 7: unknown key `min_severty`, did you mean `min-severity`? Ignored for this run.

The file has at most 256 kB and 5,000 keys and values, in one document without aliases.
"""


def configuration() -> str:
    """docs/reference/configuration.md."""
    return CONFIGURATION.format(
        mark=MARK, settings=settings_table(), fallbacks="\n".join(fallback_rows()), audience=AUDIENCE
    )


def schema() -> str:
    """schema/config.schema.json."""
    return json.dumps(config_schema(), indent=2, ensure_ascii=False) + "\n"


def wire_schema(kind: str) -> str:
    """The schema of what travels between the stages, and of the report."""
    return json.dumps(envelope_schema(kind), indent=2) + "\n"


MAKERS: Mapping[str, Maker] = {
    "inputs": of_mode.inputs,
    "outputs": of_mode.outputs,
    "permissions": of_mode.permissions,
    "exits": exits.exits,
    "excerpt": excerpt,
}
"""What makes a marked part of a page, by the first word of the mark; the other words are its arguments."""


def with_parts(name: str) -> str:
    """A page that people write, with its marked parts made."""
    return remade((ROOT / name).read_text("utf-8"), MAKERS)


TUTORIALS = tuple(f"docs/tutorials/{page.name}" for page in sorted((ROOT / "docs/tutorials").glob("*.md")))

PAGES: Mapping[str, Callable[[], str]] = {
    "docs/reference/configuration.md": configuration,
    "docs/reference/permissions.md": lambda: all_permissions.page(OF_CODE),
    "docs/reference/exit-codes.md": lambda: exits.page(OF_CODE),
    "docs/reference/events.md": lambda: events.page(OF_CODE),
    "docs/reference/messages.md": lambda: messages.page(OF_CODE),
    "docs/reference/rules.md": rules_page,
    "docs/reference/metrics.md": metrics_page,
    "schema/config.schema.json": schema,
    "schema/organisation.schema.json": lambda: json.dumps(organisation_schema(), indent=2, ensure_ascii=False) + "\n",
    "schema/log-tools.schema.json": lambda: json.dumps(tool_schema(), indent=2, ensure_ascii=False) + "\n",
    **{f"{name}/action.yml": partial(sub_action, name) for name in sub_actions()},
    **{f"docs/reference/{mode}.md": partial(with_parts, f"docs/reference/{mode}.md") for mode in MODES},
    **{name: partial(with_parts, name) for name in TUTORIALS},
    **{f".github/workflows/call-{mode}.yml": partial(called, mode) for mode in MODES},
    **{f"schema/{kind}.schema.json": partial(wire_schema, kind) for kind in ("evidence", "decision", "report")},
}
"""Every file that is made, and what makes it."""


def settings_table() -> str:
    """A row for each setting."""
    rows = (
        (f"`{setting.name}`", kind(setting), default(setting), place(setting), setting.description)
        for setting in catalogue().values()
    )
    return table(("setting", "value", "default", "where", "meaning"), rows)


def kind(setting: Setting) -> str:
    """What it may be."""
    return "secret text" if setting.is_secret else setting.expected.removeprefix("a ")


def place(setting: Setting) -> str:
    """Where it may be set."""
    if setting.input_only:
        return "input"
    return "input, file" if setting.name in action()["inputs"] else "file"


def fallback_rows() -> Iterable[str]:
    """A row for each variable that stands in for an input."""
    for name, variables in FALLBACKS.items():
        words = ", else ".join(f"`{variable}`" for variable in variables)
        yield f"| {words} | `{name}`, when there is no such input |"


def stale() -> list[str]:
    """The files that are not as they would be made."""
    return [
        name
        for name, make in PAGES.items()
        if not (ROOT / name).is_file() or (ROOT / name).read_text("utf-8") != make()
    ]


def main(arguments: list[str]) -> int:
    """Write what is stale, or name it."""
    names = stale()
    if "--check" in arguments:
        for name in names:
            print(f"{name} is not current: run `make docs`")
        return 1 if names else 0
    for name in names:
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(PAGES[name](), "utf-8")
        print(f"wrote {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
