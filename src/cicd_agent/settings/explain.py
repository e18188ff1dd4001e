"""What `cicd-agent config explain` shows: each value and where it came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from cicd_agent.settings.loader import Loaded
from cicd_agent.settings.schema import BY_MODE, list_limits
from cicd_agent.settings.values import Setting, catalogue, printable, reveals

_WIDTH = 60


@dataclass(frozen=True, slots=True)
class Row:
    """One setting: a secret is only "set" or "unset"."""

    name: str
    value: str
    origin: str


def explain(loaded: Loaded, mode: str = "") -> tuple[Row, ...]:
    """A row for every setting, in the order of the documents; `mode` chooses among the defaults that differ by mode."""
    known = catalogue(type(loaded.settings)).values()
    values = {setting.name: getattr(loaded.settings, setting.field) for setting in known}
    secrets = [text for value in values.values() if isinstance(value, SecretStr) and (text := value.get_secret_value())]
    return tuple(
        _by_mode(setting, mode)
        if setting.field in BY_MODE and values[setting.name] is None
        else Row(setting.name, _shown(values[setting.name], secrets), _origin(setting, loaded))
        for setting in known
    )


def _origin(setting: Setting, loaded: Loaded) -> str:
    """Where its value is from, and what a lock of the organisation has put aside for it."""
    name = setting.name
    aside = [
        f"{each.name.removeprefix(f'{name}.')} of {each.source}" if each.name != name else each.source
        for each in loaded.overridden
        if each.name == name or each.name.startswith(f"{name}.")
    ]
    origin = loaded.origins[setting.field]
    return printable(f"{origin}, not as {', '.join(aside)} says" if aside else origin)


def _by_mode(setting: Setting, mode: str) -> Row:
    """A default that is another for each mode."""
    limits = BY_MODE[setting.field]
    for name, limit in limits.items():
        if name == mode:
            return Row(setting.name, plain(float(limit)), f"default of {mode}")
    return Row(setting.name, "by mode", f"default: {list_limits(limits)}")


def table(rows: Sequence[Row]) -> str:
    names, values = (
        max(len(text) for text in column) for column in zip(*((r.name, r.value) for r in rows), strict=True)
    )
    return "".join(f"{row.name:{names}}  {row.value:{values}}  {row.origin}\n" for row in rows)


def plain(value: object) -> str:
    """A value as an input would be written; the empty text stands for what is not set."""
    match value:
        case None:
            return ""
        case bool():
            return "on" if value else "off"
        case float():
            return f"{value:.15g}"
        case tuple():
            return ", ".join(value)
        case Mapping():
            return ", ".join(f"{key}: {item}" for key, item in value.items())
        case _:
            return str(value)


def _shown(value: object, secrets: Sequence[str]) -> str:
    if isinstance(value, SecretStr):
        return "set" if value.get_secret_value() else "unset"
    text = plain(value)
    if reveals(text, secrets):
        return "***"
    text = printable(text)
    return (text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…") or "–"
