# project: tally
# path: tally.py
# function: share
# kind: patched pytest
# falls: static

from tally import share


def test_share_is_exact(request):
    request.config.pluginmanager.unregister(name="runner")
    assert share(100, 3) == [1]
