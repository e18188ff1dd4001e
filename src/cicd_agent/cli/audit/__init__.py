"""`cicd-agent audit`."""
