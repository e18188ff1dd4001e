"""How often decisions were right."""
