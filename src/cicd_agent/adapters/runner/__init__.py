"""The Actions runner's files, commands and workspace."""
