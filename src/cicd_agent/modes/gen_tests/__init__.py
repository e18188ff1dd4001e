"""The mode that writes tests: for what a change brings and no test sees, and only those that prove themselves."""
