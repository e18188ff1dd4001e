"""Messages to people outside GitHub."""
