"""How likely a change is to break something."""
