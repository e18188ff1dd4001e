"""cicd-agent: models propose, code disposes."""

__version__ = "0.1.0"
