"""The names that others build on: action.yml, Settings, the command line and the documents say the same."""

import re
import subprocess
import sys
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from cicd_agent.cli import parser as cli
from cicd_agent.domain.finding import Severity
from cicd_agent.domain.modes import MODES
from cicd_agent.domain.verdict import Conclusion, RiskLevel
from cicd_agent.modes import contract_of, modes
from cicd_agent.settings.schema import BY_MODE, CONSUMED_EARLIER, Settings, kebab, list_limits, minutes, usd
from cicd_agent.settings.values import catalogue
from scripts.actions import sub_actions

ROOT = Path(__file__).parent.parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))

MODE = "${{ inputs.mode }}"


def words(text: str) -> list[str]:
    return text.split()


# Workflows out there use these names: one more is a feature, one less or another spelling breaks them.
INPUTS = words("""
    mode github-token working-directory config-file organisation-config runtime index-url timeout-minutes
    openai-api-key base-url model model-headers max-cost-usd cache-dir state-dir metrics-file
    comment review-event fail-on sarif-files pull-request
    test-command python deliver detect-flaky allow-unsandboxed
    run-id rerun verify-command slack-webhook-url slack-token
    environment sha threshold enforce signals-file test-reports coverage-reports base-coverage-reports
""")
INPUTS_OF_OTHER_ACTIONS = words("stage evidence-file decision-file needs jobs")
MOST_INPUTS, MOST_OF_A_MODE = 40, 25
OUTPUTS_OF_EVERY_MODE = words("""
    conclusion risk_level risk_score escalate_to_human degraded summary report_file cost_usd
""")
OUTPUTS = {
    "review": words("decision confidence findings_count blocking_count sarif_file"),
    "gen-tests": words("""
        tests_added tests_rejected coverage_before coverage_after changed_coverage_before changed_coverage_after
        mutants_killed possible_bugs flaky_tests tests_set_aside patch_file certificate_file
    """),
    "analyse-failure": words("""
        confidence failure_type cause root_cause is_flaky responsible_commit rerun_recommended fix_file fix_verified
    """),
    "deploy-gate": words("""
        decision shadow_decision requires_approval safety_score strategy canary_percentage monitor_minutes
        rollback_trigger rollback_to approval_hash deployment_id pre_deploy_checks
    """),
    "route": words("""
        reasons tests build strategy canary_percentage monitor_minutes requires_approval areas skipped_areas matrix
        affected_tests_file plan_file
    """),
}
MOST_OUTPUTS = 12
"""Of a mode, beside those of every mode; the report has the rest."""
DEFAULTS = {
    "config-file": ".github/cicd-agent.yml",
    "api": "auto",
    "model": "gpt-5.5",
    "fast-model": "gpt-5-mini",
    "max-input-tokens": 150_000,
    "max-rounds": 8,
    "comment": "review",
    "review-event": "comment",
    "fail-on": "off",
    "fail-on-model": False,
    "max-comments": 5,
    "min-severity": "medium",
    "min-confidence": 0.7,
    "stage": "all",
    "test-command": "python -m pytest",
    "coverage-threshold": 80,
    "deliver": "patch",
    "detect-flaky": 0,
    "allow-unsandboxed": False,
    "rerun": "off",
    "threshold": 75,
    "enforce": "fail",
}
INSTALLED = ("python", "runtime", "image")
CEILINGS = {"review": 0.5, "gen-tests": 1, "analyse-failure": 0.25, "deploy-gate": 0.1, "route": 0}
MINUTES = {"review": 5, "gen-tests": 15, "analyse-failure": 5, "deploy-gate": 5, "route": 5}


def settings_with_an_input() -> list[str]:
    return [name for name in INPUTS if name in catalogue()]


def default_of(name: str) -> object:
    default = Settings().model_dump(by_alias=True)[name]
    return default.value if isinstance(default, Enum) else default


def test_the_words_of_every_scale_are_the_published_ones() -> None:
    assert [*Severity] == [*RiskLevel] == ["low", "medium", "high", "critical"]
    assert {*Conclusion} == {"success", "failure", "neutral", "skipped"}


def test_the_action_has_the_published_inputs() -> None:
    assert sorted(ACTION["inputs"]) == sorted(INPUTS)


def test_every_input_is_a_setting_or_is_consumed_before_there_are_any() -> None:
    assert {*INPUTS} - {*catalogue()} == {*CONSUMED_EARLIER}


def test_what_a_config_file_may_not_set_is_an_input_of_some_action() -> None:
    assert {name for name, setting in catalogue().items() if setting.input_only} <= {*INPUTS, *INPUTS_OF_OTHER_ACTIONS}
    declared = [yaml.safe_load((ROOT / name / "action.yml").read_text("utf-8")) for name in sub_actions()]
    assert {*INPUTS, *INPUTS_OF_OTHER_ACTIONS} == {name for action in declared for name in action["inputs"]}


def test_an_action_has_no_more_inputs_than_somebody_can_look_through() -> None:
    assert len(ACTION["inputs"]) <= MOST_INPUTS
    assert {
        mode: len(contract_of(mode).inputs) for mode in MODES if len(contract_of(mode).inputs) > MOST_OF_A_MODE
    } == {}


def test_the_action_describes_an_input_as_the_settings_do() -> None:
    said = {name: ACTION["inputs"][name]["description"] for name in settings_with_an_input()}
    assert {n: text for n, text in said.items() if not text.startswith(catalogue()[n].description)} == {}
    assert {n: text for n, text in said.items() if not all(word in text for word in catalogue()[n].choices)} == {}


def test_the_action_declares_no_default_but_the_tokens() -> None:
    assert {name: given["default"] for name, given in ACTION["inputs"].items() if "default" in given} == {
        "github-token": "${{ github.token }}"
    }


def test_defaults_are_the_published_ones_and_are_named_in_the_action() -> None:
    assert {name: default_of(name) for name in DEFAULTS} == DEFAULTS
    for name, default in DEFAULTS.items():
        if name not in INPUTS:
            continue
        shown = ("off", "on")[default] if isinstance(default, bool) else default
        assert ACTION["inputs"][name]["description"].endswith(f" Default: {shown}.")
    silent = {name for name, given in ACTION["inputs"].items() if "Default:" not in given["description"]}
    assert {name for name in silent if name in Settings().model_dump(by_alias=True) and default_of(name)} <= {
        *("github-token", "openai-api-key", "model-headers")
    }


def test_ceilings_and_time_limits_are_the_published_ones_of_each_mode_and_are_named_in_the_action() -> None:
    for name, published, limit in (("max-cost-usd", CEILINGS, usd), ("timeout-minutes", MINUTES, minutes)):
        assert {mode: limit(Settings(), mode) for mode in published} == published
        assert {mode: limit(Settings(max_cost_usd=3, timeout_minutes=3), mode) for mode in published} == dict.fromkeys(
            published, 3
        )
        said = ACTION["inputs"][name]["description"].partition(" Default: ")[2].removesuffix(".")
        assert said == list_limits(BY_MODE[name.replace("-", "_")])
        told = {mode: float(found[1]) for mode in published if (found := re.search(rf"{mode} ([0-9.]+)", said))}
        first = re.match(r"[0-9.]+", said)
        assert {mode: told.get(mode, float(first[0]) if first else None) for mode in published} == published


def test_every_input_reaches_the_program_by_an_explicit_variable() -> None:
    [install, run] = ACTION["runs"]["steps"]
    passed = {**install["env"], **run["env"]}
    wanted = {f"INPUT_{name.upper().replace('-', '_')}": f"${{{{ inputs.{name} }}}}" for name in INPUTS}
    early = ("INDEX_URL", "RUNTIME", "MODE", "VERIFY_COMMAND", "BASE_URL")
    wanted |= {name: wanted[f"INPUT_{name}"] for name in early}
    installed = {f"AGENT_{name.upper()}": f"${{{{ steps.install.outputs.{name} }}}}" for name in INSTALLED}
    assert passed == {**wanted, **installed}


def test_the_action_has_the_published_outputs_and_each_says_what_it_is() -> None:
    own = dict.fromkeys(name for names in OUTPUTS.values() for name in names)
    assert {*ACTION["outputs"]} == {*OUTPUTS_OF_EVERY_MODE, *own}
    assert max(map(len, OUTPUTS.values())) <= MOST_OUTPUTS
    for name, output in ACTION["outputs"].items():
        assert output["value"].startswith(f"${{{{ steps.run.outputs.{name} ")
        assert output["description"]


def test_every_mode_is_offered_by_the_command_line_and_the_action_and_has_outputs() -> None:
    assert [*modes()] == [name for name in cli.commands() if name in MODES] == [*OUTPUTS]
    assert {name: mode.name for name, mode in modes().items()} == {name: name for name in modes()}
    assert [name for name in modes() if f"`{name}`" not in ACTION["inputs"]["mode"]["description"]] == []


def test_every_mode_has_a_page_and_a_scenario() -> None:
    assert [name for name in modes() if not (ROOT / f"docs/reference/{name}.md").is_file()] == []
    assert [name for name in modes() if not any((ROOT / f"tests/scenarios/{name}").glob("*/"))] == []


def test_the_documents_name_every_setting_and_every_output() -> None:
    configuration = (ROOT / "docs/reference/configuration.md").read_text("utf-8")
    pages = "".join(page.read_text("utf-8") for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    assert [name for name in map(kebab, Settings.model_fields) if f"`{name}`" not in configuration] == []
    assert [name for name in ACTION["outputs"] if f"`{name}`" not in pages] == []


def test_the_generated_pages_are_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/docs.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_uses_names_that_exist() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert "uses: org/cicd-agent/review@v1" in readme
    assert [name for name in ("risk_level", "make demo", "examples/workflows/review.yml") if name not in readme] == []


def test_every_sub_action_has_the_inputs_that_its_mode_reads_and_the_outputs_that_it_has() -> None:
    for mode in MODES:
        shown = contract_of(mode).inputs
        names = OUTPUTS[mode]
        action = yaml.safe_load((ROOT / mode / "action.yml").read_text("utf-8"))
        slice_ = ROOT / "src/cicd_agent/modes" / mode.replace("-", "_")
        read = {name for path in slice_.rglob("*.py") for name in re.findall(r"\bsettings\.(\w+)", path.read_text())}
        needed = {kebab(name) for name in read if kebab(name) in catalogue() and catalogue()[kebab(name)].input_only}
        assert needed - {"openai-api-key"} <= {*action["inputs"]}, mode
        assert [*action["inputs"]] == [name for name in ACTION["inputs"] if name in shown]
        assert {*action["outputs"]} == {*OUTPUTS_OF_EVERY_MODE, *names}


def test_a_sub_action_runs_the_same_launcher_and_passes_each_of_its_inputs() -> None:
    for mode in OUTPUTS:
        action = yaml.safe_load((ROOT / mode / "action.yml").read_text("utf-8"))
        for own, whole in zip(action["runs"]["steps"], ACTION["runs"]["steps"], strict=True):
            assert own["run"] == whole["run"].replace("/launch/", "/../launch/")
            others = {f"${{{{ inputs.{name} }}}}" for name in {*ACTION["inputs"]} - {*action["inputs"]}}
            expected = {name: value for name, value in whole["env"].items() if value not in others - {MODE}}
            assert own["env"] == {name: mode if value == MODE else value for name, value in expected.items()}
