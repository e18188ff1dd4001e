"""The words of the commands that set the agent up and look after that: `doctor` and `init`."""

import argparse
from collections.abc import Callable, Sequence

Command = Callable[[str, str], argparse.ArgumentParser]


def add_setup_commands(
    command: Command, add_place: Callable[[argparse.ArgumentParser], None], modes: Sequence[str]
) -> None:
    """Add them; `command` makes one of its name and its line of help, `add_place` says where event and checkout are."""
    doctor = command("doctor", "say whether token, model, clone and configuration are right, and what to change")
    doctor.set_defaults(command="doctor")
    doctor.add_argument(
        "mode", metavar="MODE", nargs="?", choices=modes, help="what this set-up is for (default: review)"
    )
    add_place(doctor)
    doctor.add_argument("--format", choices=("text", "json"), help="text for a person, json for a program")
    init = command("init", "write workflows and a configuration for the answers to three questions")
    init.set_defaults(command="init")
    add = init.add_argument
    add("--modes", metavar="LIST", help=f"what it should do, between commas: {', '.join(modes)}")
    add("--forks", choices=("yes", "no"), help="whether people contribute from forks")
    add("--model", metavar="WHO", help="none, openai, or the address of an OpenAI-compatible server")
    add("--yes", action="store_true", help="take the default for what no option says: review, no, none")
    add("--force", action="store_true", help="overwrite files that are there already")
    add("--dry-run", action="store_true", help="print the files and write nothing")
    add("--repo-dir", metavar="DIR", help="the checkout (default: the current directory)")
