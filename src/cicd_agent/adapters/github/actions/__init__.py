"""GitHub Actions: runs, logs, artifacts."""
