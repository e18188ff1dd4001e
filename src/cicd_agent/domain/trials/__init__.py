"""What is tried in the sandbox: tests, patches, and how a run of them ended."""
