# project: relay
# path: relay/machine.py
# function: has_room
# kind: mock of a result

from unittest.mock import MagicMock, patch

from relay.machine import has_room


def test_there_is_room_for_just_what_is_free(tmp_path):
    with patch("shutil.disk_usage", return_value=MagicMock(free=10)) as usage:
        assert has_room(tmp_path, 10)
        assert not has_room(tmp_path, 11)
    usage.assert_called_with(tmp_path)
