"""The trial of candidate tests: each by itself, then all that are left together in their places."""

from cicd_agent.modes.gen_tests.screening import screen
from cicd_agent.modes.gen_tests.settling import settle

__all__ = ["screen", "settle"]
