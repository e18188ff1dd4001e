"""What a review gathered beside the change."""

from typing import Final

from cicd_agent.domain.events.thread import Thread
from cicd_agent.domain.evidence import Section

THREADS: Final = Section[tuple[Thread, ...]]("threads", tuple[Thread, ...])
"""The threads of earlier reviews on the pull request, ours and those of people."""
SECTIONS: Final = (THREADS,)
