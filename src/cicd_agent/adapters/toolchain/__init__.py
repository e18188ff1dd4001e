"""The project's own Python and style tools."""
