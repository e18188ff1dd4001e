"""Comments addressed to the reviewer."""
