"""What runs in the sandbox under the project's own Python: a supervisor, and one process for each run of pytest.

Nothing else of cicd_agent is imported here: the package is loaded by `start.py` under a name that no project has, and
what it imports of itself it imports relatively. It keeps to what Python 3.9 understands.
"""
