"""The project's tests, run in the sandbox."""
