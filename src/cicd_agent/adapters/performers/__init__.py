"""Effects carried out, one family per module."""
