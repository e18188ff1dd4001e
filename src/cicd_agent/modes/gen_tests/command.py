"""The option of `cicd-agent gen-tests` beside those that every mode has."""

import click

OPTIONS = (
    click.Option(
        ["--fix"], is_flag=True, help="put the tests that are kept into the working tree; --dry-run: their diff"
    ),
)
