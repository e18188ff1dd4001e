"""The options of `cicd-agent analyse-failure` beside those that every mode has."""

import click

OPTIONS = (
    click.Option(
        ["--log", "logs"],
        metavar="FILE",
        multiple=True,
        help="log of a failed job, `-` for standard input; may be repeated",
    ),
    click.Option(["--green"], metavar="FILE", help="with --log: log of the same job when it passed"),
    click.Option(["--run-id"], metavar="N", help="the run to analyse, read with GITHUB_TOKEN from GITHUB_REPOSITORY"),
)
"""An option that is no field of RunOptions sets the input of its name."""
