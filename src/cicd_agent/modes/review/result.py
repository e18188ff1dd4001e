"""What a review comes to: a verdict on a change, or a reply to a comment."""

from typing import Final

from cicd_agent.domain.verdict import ChatReply, Verdict

RESULTS: Final = {"verdict": Verdict, "said": ChatReply}
