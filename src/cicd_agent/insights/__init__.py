"""What the audit log, git and GitHub say about many runs."""
