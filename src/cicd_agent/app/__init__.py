"""One run from the event to the exit code: the only place where adapters are chosen and wired."""
