"""What a review gathered beside the change."""

from typing import Final

from cicd_agent.domain.events.thread import Thread
from cicd_agent.domain.evidence import Section

THREADS: Final = Section[tuple[Thread, ...]]("threads", tuple[Thread, ...])
SECTIONS: Final = (THREADS,)
