"""Archives of logs as GitHub packs them, by its own rules as far as they are known, and others as nobody should."""

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from zlib import crc32

FORBIDDEN = '"<>|:*?\\/' + "".join(map(chr, range(32)))
LONGEST = 90


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip file of these."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return data.getvalue()


def called(name: str, filler: str = "", *, is_cut: bool = True) -> str:
    """What the packing service makes of a job's name, in C#: characters stripped or replaced, cut by UTF-16 units."""
    kept = "".join(filler if char in FORBIDDEN else char for char in name)
    units = [kept.encode("utf-16-le", "surrogatepass")[at : at + 2] for at in range(0, 2 * len(kept) * 2, 2)]
    text = b"".join(units[:LONGEST] if is_cut else units).decode("utf-16-le", "replace")
    return text.strip()


def distinct(names: Sequence[str]) -> list[str]:
    """The names, each that stands there already with a number."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        found.append(f"{name} ({seen[name]})" if name in seen else name)
        seen[name] = seen.get(name, 0) + 1
    return found


def claiming(name: bytes, content: bytes, **fields: int) -> bytes:
    """A zip file of one entry, stored, whose headers say what they are told to say."""
    says = {"flags": 0, "method": 0, "crc": crc32(content), "packed": len(content), "size": len(content), "count": 1}
    says |= fields
    common = struct.pack(
        "<HHHHHLLLHH",
        20,
        says["flags"],
        says["method"],
        0,
        0x21,
        says["crc"],
        says["packed"],
        says["size"],
        len(name),
        0,
    )
    local = b"PK\x03\x04" + common + name + content
    central = b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<HHHLL", 0, 0, 0, 0, 0) + name
    directory = says.get("directory", len(central))
    end = b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, says["count"], says["count"], directory, len(local), 0)
    return local + central + end
