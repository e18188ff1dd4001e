"""The trial of candidate tests: each by itself, then all that are left together in their places."""

from cicd_agent.modes.gen_tests.trial.single_trial import screen
from cicd_agent.modes.gen_tests.trial.suite_run import settle

__all__ = ["screen", "settle"]
