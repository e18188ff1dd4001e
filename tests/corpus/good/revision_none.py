# project: relay
# path: relay/machine.py
# function: revision
# kind: subprocess patched with unittest.mock and a decorator

import subprocess
from unittest import mock

import pytest

from relay.machine import revision


@mock.patch("relay.machine.subprocess.run", side_effect=subprocess.CalledProcessError(128, "git"))
def test_a_folder_without_a_revision(run):
    with pytest.raises(LookupError, match="here has no revision"):
        revision("here")
    run.assert_called_once_with(
        ["git", "-C", "here", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
    )
