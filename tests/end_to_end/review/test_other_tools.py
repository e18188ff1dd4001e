"""A job whose earlier steps left the SARIF of other tools: what the pull request gets to see of it."""

import json
from pathlib import Path

from tests.support.jobs.pull_request import BEFORE, Job
from tests.support.samples.sarif import codeql, document, lint, zizmor

AFTER = {"app.py": "import os\n\n\ndef go(name):\n    shout(name)\n    return name\n"}


def test_findings_of_other_tools_are_posted_counted_and_left_out_of_our_own_sarif(tmp_path: Path) -> None:
    job = Job(tmp_path, after=AFTER)
    (job.repo.path / "results").mkdir()
    (job.repo.path / "results/python.sarif").write_bytes(document(codeql(f"file://{job.repo.path}/app.py")))
    (job.repo.path / "lint.sarif").write_bytes(document(lint(line=1), zizmor()))
    left = job.run(sarif_files="results/*.sarif\nlint.sarif, missing.sarif", fail_on="critical")
    assert left.exit == 1
    assert (left.outputs["findings_count"], left.outputs["blocking_count"]) == ("1", "1")
    assert left.outputs["decision"] == "request_changes"
    assert "Uncontrolled command line" in left.summary
    assert "| tool |" in left.summary
    assert "2 findings of other tools outside the change left out" in left.summary
    assert "missing.sarif: there is no such file" in left.summary
    (run,) = json.loads(Path(left.outputs["sarif_file"]).read_text())["runs"]
    assert run["results"] == []


def test_the_config_file_of_the_base_branch_may_name_rules_of_other_tools_but_no_files(tmp_path: Path) -> None:
    config = "rules: {CodeQL/py/command-line-injection: off}\nsarif-files: [x.sarif]\n"
    job = Job(tmp_path, before={**BEFORE, ".github/cicd-agent.yml": config}, after=AFTER)
    (job.repo.path / "x.sarif").write_bytes(document(codeql()))
    left = job.run(sarif_files="x.sarif")
    assert (left.outputs["findings_count"], len(left.report["verdict"]["suppressed"])) == ("0", 1)
    assert left.report["account"]["config_status"] == "invalid"
    assert "`sarif-files`" in left.log
    assert "unknown rule" not in left.log


def test_stages_in_separate_jobs_need_the_files_only_where_they_are_gathered(tmp_path: Path) -> None:
    job = Job(tmp_path, after=AFTER)
    report = job.repo.path / "codeql.sarif"
    report.write_bytes(document(codeql()))
    evidence, decision = str(tmp_path / "evidence.json"), str(tmp_path / "decision.json")
    assert job.run("gather", "review", "--out", evidence, sarif_files="codeql.sarif").exit == 0
    report.unlink()
    assert job.run("decide", "review", "--in", evidence, "--out", decision).exit == 0
    found = json.loads(Path(decision).read_text())["body"]["verdict"]["findings"]
    assert [each["origin"] for each in found] == ["tool"]
