"""Where a run tries tests and patches."""
