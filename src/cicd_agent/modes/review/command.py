"""The option of `cicd-agent review` beside those that every mode has."""

import click

OPTIONS = (
    click.Option(
        ["--fix"], is_flag=True, help="apply the proved suggestions to the working tree; --dry-run: their diff"
    ),
)
