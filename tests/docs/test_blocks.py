"""Every YAML block of the documents is what it looks like: a workflow that GitHub takes, or a file that we take."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema  # type: ignore[import-untyped]  # it has no types

from cicd_agent.adapters.fake_model import load_script
from cicd_agent.domain.modes import MODES
from cicd_agent.modes import contract_of
from cicd_agent.modes.review.mode import Review
from cicd_agent.settings.loader import lint, read_organization
from scripts.blocks import Block, all_blocks, blocks_of
from scripts.fragments import kind_of, whole
from tests.repository.test_workflows import CALLED, DECLARED, OWN, PINS, ROOT, load, steps

RULE_IDS = Review.rule_ids
BLOCKS = [block for block in all_blocks() if block.language in {"yaml", "yml"}]
OUTPUT = re.compile(r"\b(steps|needs)\.([\w-]+)\.outputs\.([\w-]+)")
EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)
KNOWN = {f"{name}@{commit}" for name, commit in PINS.items()}


def wrong_in(block: Block, place: Path) -> list[str]:
    """Everything that a reader who copies the block would stumble on."""
    try:
        loaded = yaml.safe_load(block.text)
    except yaml.YAMLError as error:
        return [f"not YAML: {error}"]
    match kind_of(loaded):
        case "config":
            return [f"{problem}" for problem in lint(block.text, known_rules=RULE_IDS)]
        case "organisation":
            return [*read_organization(block.text, known_rules=RULE_IDS).problems]
        case "script":
            place.write_text(block.text, "utf-8")
            return [] if load_script(place).steps else ["a script of nothing"]
        case "dependabot":
            return schema_errors("vendor.dependabot", loaded)
        case _:
            return wrong_in_workflow(block)


def wrong_in_workflow(block: Block) -> list[str]:
    """What is wrong with a part of a workflow, judged in the whole that it could stand in."""
    made = whole(block)
    assert made is not None
    workflow = yaml.safe_load(made.text)
    return [
        *schema_errors("vendor.github-workflows", {"on" if key is True else key: workflow[key] for key in workflow}),
        *(problem for step in steps(workflow) for problem in wrong_step(step)),
        *(problem for job in workflow["jobs"].values() for problem in wrong_job(job)),
        *wrong_outputs(made.text, workflow),
    ]


def schema_errors(name: str, instance: object) -> list[str]:
    errors = validator(name).iter_errors(instance)
    return [f"{'.'.join(map(str, error.path))}: {error.message[:300]}" for error in errors]


@cache
def validator(name: str) -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(get_builtin_schema(name))


def wrong_step(step: dict[str, Any]) -> list[str]:
    uses = step.get("uses", "")
    if uses not in OWN:
        return [f"{uses} is not one of the pins"] if uses and uses not in KNOWN else []
    given = step.get("with") or {}
    # Under its own name a mode takes what is its; the action itself has the inputs of all.
    takes = {*DECLARED[OWN[uses]]["inputs"]}
    if OWN[uses] == ".":
        takes = {*contract_of(given["mode"]).inputs, "mode"} if given.get("mode") in MODES else takes
    return [f"{uses}: no input `{name}`" for name in given if name not in takes] + organised(given)


def wrong_job(job: dict[str, Any]) -> list[str]:
    if "uses" not in job:
        return []
    if job["uses"] not in CALLED:
        return [f"{job['uses']}: no workflow of ours"]
    takes = load(ROOT / ".github/workflows" / CALLED[job["uses"]])[True]["workflow_call"]
    secrets = job.get("secrets") or {}
    unknown = [*({*(job.get("with") or {})} - {*takes["inputs"]})]
    unknown += [] if secrets == "inherit" else [*({*secrets} - {*takes["secrets"]})]
    return [f"{job['uses']}: takes no `{name}`" for name in unknown] + organised(job.get("with") or {})


def organised(given: dict[str, Any]) -> list[str]:
    text = str(given.get("organisation-config", ""))
    return [] if not text or EXPRESSION.search(text) else [*read_organization(text, known_rules=RULE_IDS).problems]


def wrong_outputs(text: str, workflow: dict[Any, Any]) -> list[str]:
    """Outputs that are asked for and that neither our action nor the job in the block has."""
    named = {step["id"]: step for step in steps(workflow) if "id" in step}
    wrong = []
    for where, name, output in OUTPUT.findall(text):
        if where == "steps" and name in named and named[name].get("uses") in OWN:
            has = {*DECLARED[OWN[named[name]["uses"]]]["outputs"]}
        elif where == "needs":
            job = workflow["jobs"].get(name, {})
            # A job that the block only mentions is one that hands on what our action says.
            told = job.get("outputs", {}) if "with" not in job else {}
            own = {each for each, value in told.items() if any(f"steps.{step}." in str(value) for step in named)}
            has = own | ({*told} & {*DECLARED["."]["outputs"]})
        else:
            continue
        if output not in has:
            wrong.append(f"{where}.{name} has no output `{output}`")
    return wrong


def test_there_are_blocks_to_check() -> None:
    assert len(BLOCKS) >= 15
    assert {kind_of(yaml.safe_load(block.text)) for block in BLOCKS} >= {
        "workflow",
        "jobs",
        "steps",
        "config",
        "script",
    }


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_a_block_is_what_it_looks_like(block: Block, tmp_path: Path) -> None:
    assert wrong_in(block, tmp_path / "script.yml") == []


CHECKOUT = f"actions/checkout@{PINS['actions/checkout']}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "not YAML"),
        ("min-severitty: high", "unknown key"),
        ("rules: {no-such-rule: off}", "no-such-rule"),
        ("locked: {modle: gpt-5.5}", "modle"),
        ("- uses: actions/checkout@v5", "not one of the pins"),
        ("- uses: <this action>", "not one of the pins"),
        ("- uses: org/cicd-agent@v1\n  with: {mode: route, fail-on: high}", "no input `fail-on`"),
        ("- uses: org/cicd-agent/route@v1\n  with: {openai-api-key: x}", "no input `openai-api-key`"),
        ("with:\n  slack-webhook: x", "no input `slack-webhook`"),
        ("- uses: org/cicd-agent@v1\n  with: {mode: review, organisation-config: 'lokked: {}'}", "lokked"),
        ("runs-on: ubuntu-24.04\nsteps:\n  - rnu: make", "rnu"),
        ("permissions:\n  pull-request: write", "permissions"),
        (
            "a:\n  uses: org/cicd-agent/.github/workflows/call-review.yml@v1\n  needs: b\n  with: {mdoe: x}",
            "takes no `mdoe`",
        ),
        ("a:\n  needs: review\n  if: needs.review.outputs.risk != 'low'", "no output `risk`"),
        (
            "- {id: agent, uses: org/cicd-agent@v1, with: {mode: review}}\n- run: echo ${{ steps.agent.outputs.rsik }}",
            "no output `rsik`",
        ),
        ("version: 2\nupdates: [{package-ecosystem: pipp, directory: /, schedule: {interval: daily}}]", "pipp"),
    ],
)
def test_what_is_wrong_is_found(text: str, why: str, tmp_path: Path) -> None:
    assert why in "\n".join(wrong_in(Block("x.md", 1, "yaml", text), tmp_path / "script.yml"))


def test_a_part_keeps_the_lines_of_its_page() -> None:
    page = f"# t\n\n```yaml\n  careful:\n    needs: [review]\n    steps:\n      - uses: {CHECKOUT}\n```\n"
    [block] = blocks_of(page, "x.md")
    made = whole(block)
    assert made is not None
    given = page.splitlines()
    lines = made.text.splitlines()
    assert len(lines) == len(made.lines)
    assert yaml.safe_load(made.text)["jobs"].keys() == {"careful", "review"}
    for text in ("needs: [review]", f"- uses: {CHECKOUT}"):
        [at] = [number for number, line in enumerate(lines) if text in line]
        assert text in given[made.lines[at] - 1]
