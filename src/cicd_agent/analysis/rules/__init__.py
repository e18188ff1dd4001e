"""All rules, in the order of the documents: rules.toml defines them, each module beside it checks those of a theme."""

from importlib.resources import files as resources

from cicd_agent.analysis.rules import access, data, files, infrastructure, javascript, supply_chain, tests, workflows
from cicd_agent.analysis.rules.python import calls, crypto, flow
from cicd_agent.analysis.rules.rule import read_rules

RULES = tuple(
    read_rules(
        resources(__package__).joinpath("rules.toml").read_text("utf-8"),
        {
            **access.CHECKS,
            **calls.CHECKS,
            **crypto.CHECKS,
            **data.CHECKS,
            **files.CHECKS,
            **flow.CHECKS,
            **infrastructure.CHECKS,
            **javascript.CHECKS,
            **supply_chain.CHECKS,
            **tests.CHECKS,
            **workflows.CHECKS,
        },
    )
)
