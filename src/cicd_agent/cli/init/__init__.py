"""`cicd-agent init`."""
