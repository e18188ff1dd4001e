"""The option of `cicd-agent deploy-gate` beside those that every mode has."""

import click

OPTIONS = (
    click.Option(
        ["--backtest"],
        metavar="WHEN",
        help="judge what was deployed since then (`30d`, or a date) in place of a deployment: how often it would have"
        " been held, why, and what to configure; posts nothing",
    ),
)
