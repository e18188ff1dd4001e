"""A repository and its changes: diffs, texts, paths, history."""
