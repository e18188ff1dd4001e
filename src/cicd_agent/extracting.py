"""`cicd-agent extract`: the lines of a log file that matter, for a person or a program, without a network or a key."""

import gzip
import json
import sys
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from cicd_agent.adapters.excerpt import render
from cicd_agent.cli import Options
from cicd_agent.core.log.extract import Extract
from cicd_agent.core.log.lines import read
from cicd_agent.core.log.reduce import reduce
from cicd_agent.core.log.template import Templates
from cicd_agent.errors import ConfigError, Exit
from cicd_agent.outlet import Outlet

_CHUNK = 1 << 16
_GZIP = b"\x1f\x8b"
_MOST_TOKENS = 1_000_000


def extract(options: Options, outlet: Outlet) -> int:
    """Print the extract of the log that the options name; the exit code."""
    if not 1 <= options.tokens <= _MOST_TOKENS:
        raise ConfigError(f"--tokens {options.tokens} is out of range", remedy=f"Give 1 to {_MOST_TOKENS:,}")
    green = Templates(line.text for line in read(chunks(options.green))) if options.green else None
    found = reduce(chunks(options.log), tokens=options.tokens, green=green)
    if options.format == "json":
        outlet.print_json(json.dumps(document(found), indent=1))
    else:
        outlet.print(render(found, colour=outlet.coloured))
    return Exit.OK


def document(extract: Extract) -> dict[str, object]:
    """The extract as JSON: counts, lines, elisions, problems, and the limits that were met."""
    return {
        "total": extract.total,
        "bytes": extract.bytes,
        "tokens": extract.tokens,
        "lines": [
            {
                "number": line.number,
                "text": line.text,
                "score": line.score,
                "step": line.step,
                "tool": line.tool,
                "times": line.times,
            }
            for line in extract.kept
        ],
        "elisions": [asdict(gap) for gap in extract.elisions],
        "problems": [asdict(problem) for problem in extract.problems],
        "notes": list(extract.notes),
    }


def chunks(name: str) -> Iterator[bytes]:
    """The bytes of a log file, `-` for the standard input; what is compressed by gzip is unpacked."""
    try:
        if name == "-":
            yield from _unpacked(sys.stdin.buffer)
        else:
            with Path(name).open("rb") as file:
                yield from _unpacked(file)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ConfigError(f"{name} cannot be unpacked", why=str(error), remedy="Fetch the log again") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"{name} cannot be read", why=why, remedy="Name a log file, or - for the standard input"
        ) from None


def _unpacked(file: BinaryIO) -> Iterator[bytes]:
    first = file.read(_CHUNK)
    if not first.startswith(_GZIP):
        while first:
            yield first
            first = file.read(_CHUNK)
        return
    # Piece by piece, and members one after the other, as gzip writes them when it appends.
    unpacker = zlib.decompressobj(wbits=31)
    while first or not unpacker.eof:
        if not first:
            raise EOFError("it ends in the middle")
        yield unpacker.decompress(first, _CHUNK)
        while unpacker.unconsumed_tail:
            yield unpacker.decompress(unpacker.unconsumed_tail, _CHUNK)
        rest = unpacker.unused_data
        if unpacker.eof and not rest.startswith(_GZIP):
            return
        if unpacker.eof:
            unpacker = zlib.decompressobj(wbits=31)
        first = rest or file.read(_CHUNK)
