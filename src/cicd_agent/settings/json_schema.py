"""The published JSON Schema of the config file, for editors and for whoever checks files before they are merged."""

from cicd_agent.settings.organization import PARTS
from cicd_agent.settings.values import catalogue


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


def organisation_schema() -> dict[str, object]:
    """What the text of `organisation-config` may hold: every setting that is no secret, in two mappings."""
    part = {
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {
            name: dict(setting.shape) for name, setting in catalogue().items() if setting.is_for_organisations
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:cicd-agent:schema:organisation:1",
        "title": "cicd-agent configuration of an organisation",
        "description": "`locked` comes before inputs and files, `defaults` after them.",
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {name: {"$ref": "#/$defs/settings"} for name in PARTS},
        "$defs": {"settings": part},
    }
