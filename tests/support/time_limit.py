"""Tests in which the time limit of a run strikes wherever the run is."""

import pytest

# The signal may come while a process is being started: Python loses the pipe that it has just opened, and warns later.
strikes_anywhere = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
