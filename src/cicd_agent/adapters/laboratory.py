"""Runs a project's own tests, and asks its code questions: always on copies, in the sandbox, under its own Python."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from cicd_agent.adapters.laboratory_job import HARNESS, JOB, Job, Wanted, inquiry, pytest_run
from cicd_agent.adapters.laboratory_told import Told, accounts, failure, result, told
from cicd_agent.adapters.toolchain import Toolchain
from cicd_agent.core.ports import Sandbox
from cicd_agent.core.ports_tests import Ghost, Interpreter, Laboratory, LaboratoryUnavailable, Probe, Seen
from cicd_agent.core.sandbox import Limits, Ran, SandboxUnavailable, Tier
from cicd_agent.core.testrun import Perturbation, PytestRun, RunResult
from cicd_agent.errors import ConfigError
