"""The published JSON Schema of the config file, for editors and for whoever checks files before they are merged."""

from cicd_agent.config.values import catalogue


def config_schema() -> dict[str, object]:
    """Every key that the file may have; inputs that it may not name are not in it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:cicd-agent:schema:config:1",
        "title": "cicd-agent configuration",
        "description": "The settings of a repository, read from the base branch: .github/cicd-agent.yml.",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: dict(setting.shape) for name, setting in catalogue().items() if not setting.input_only},
    }
