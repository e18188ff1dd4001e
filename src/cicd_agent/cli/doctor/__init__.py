"""`cicd-agent doctor`."""
