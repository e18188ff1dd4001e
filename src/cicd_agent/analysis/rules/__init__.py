"""All rules, in the order of the documents: rules.toml defines them, each module beside it checks those of a theme."""

from importlib.resources import files as resources

from cicd_agent.analysis.rules import access, data, files, infrastructure, sources, supply_chain, tests, workflows
from cicd_agent.analysis.rules.logic import arguments, attributes, awaits, locks, values
from cicd_agent.analysis.rules.python import calls, crypto, exposure, flow, mocks, queries
from cicd_agent.analysis.rules.rule import read_rules
from cicd_agent.analysis.rules.structure import foreign_keys, layout

_LOGIC = (arguments, attributes, awaits, locks, values)
_THEMES = (
    *(access, calls, crypto, data, exposure, files, flow, foreign_keys, infrastructure, layout),
    *(mocks, queries, sources, supply_chain, tests, workflows, *_LOGIC),
)
RULES = tuple(read_rules(resources(__package__).joinpath("rules.toml").read_text("utf-8"), _THEMES))
