"""What runs in the sandbox under the project's own Python: a supervisor, and one fresh process for each run of pytest.

Nothing else of cicd_agent is imported here, and nothing of this by the rest: the package is loaded by `start.py` under a
name that no project has. It keeps to what Python 3.9 understands.
"""
