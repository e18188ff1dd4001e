"""Makes the keys of candidates, in one way for all: two with one key are one and the same test."""

import hashlib
import json
from dataclasses import astuple, replace

from cicd_agent.domain.candidate import Candidate


def key(candidate: Candidate) -> str:
    """The digest of everything but the key: 16 hexadecimal digits."""
    # JSON tells the fields apart and spells lone surrogates out, which UTF-8 has no place for.
    fields = json.dumps(astuple(replace(candidate, key="")))
    return hashlib.sha256(fields.encode("ascii")).hexdigest()[:16]


def keyed(candidate: Candidate) -> Candidate:
    """The candidate under its own key, whatever it bore before."""
    return replace(candidate, key=key(candidate))
