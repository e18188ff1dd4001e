"""Where a new test goes."""
