"""The author of a change cannot choose by `working-directory` what is looked at."""

import json
from pathlib import Path

from tests.support.jobs.pull_request import AFTER, BEFORE, Job

BEFORE_BELOW = {f"service/{path}": text for path, text in BEFORE.items()}
AFTER_BELOW = {f"service/{path}": text for path, text in AFTER.items()}


def moved(tmp_path: Path) -> Job:
    """The job of a change that brings a shell injection and calls the working directory by another name."""
    job = Job(tmp_path, BEFORE_BELOW, AFTER_BELOW)
    job.repo.git("mv", "service", "renamed")
    job.head = job.repo.commit({}, "Rename")
    job.event.write_text(json.dumps(job.payload()))
    return job


def test_the_honest_change_is_found_there(tmp_path: Path) -> None:
    left = Job(tmp_path, BEFORE_BELOW, AFTER_BELOW).run(working_directory="service", fail_on="high")
    assert (left.exit, left.outputs["risk_level"]) == (1, "high"), left.log


def test_a_change_that_renames_it_is_read_all_the_same(tmp_path: Path) -> None:
    left = moved(tmp_path).run(working_directory="service", fail_on="high")
    assert (left.exit, left.outputs["risk_level"]) == (1, "high"), left.log
    assert "`working-directory` (service) is no folder any more" in left.summary


def test_a_change_that_makes_it_a_link_is_read_all_the_same(tmp_path: Path) -> None:
    job = moved(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (job.repo.path / "service").symlink_to(elsewhere)
    left = job.run(working_directory="service", fail_on="high")
    assert (left.exit, left.outputs["risk_level"]) == (1, "high"), left.log


def test_a_name_that_nobody_ever_had_is_a_wrong_configuration(tmp_path: Path) -> None:
    left = Job(tmp_path, BEFORE_BELOW, AFTER_BELOW).run(working_directory="servcie")
    assert (left.exit, left.outputs["risk_level"], left.outputs["degraded"]) == (2, "", "true"), left.log
    assert "`working-directory` names no folder" in left.log
    assert "Correct it in the workflow" in left.log
