"""Reads what the repository's past says of a change, and what was learnt from it: the same for every mode."""

from dataclasses import replace
from itertools import islice

from pydantic import ValidationError

from cicd_agent.analysis.risk.content import rows_of
from cicd_agent.analysis.risk.history_features import history_of
from cicd_agent.analysis.risk.team_policy import path_floor
from cicd_agent.domain.events.event import Event
from cicd_agent.domain.evidence import Evidence, Gap
from cicd_agent.domain.ports.forge import Repository
from cicd_agent.domain.repository.change import Change, ChangeSource
from cicd_agent.domain.repository.history import COUNTED, MAX_COMMITS, History, Past
from cicd_agent.domain.repository.paths import kinds
from cicd_agent.domain.repository.risk_file import MAX_BYTES, RISK_FILE, RiskFile
from cicd_agent.errors import ConfigError, ForgeRefused, first_problem
from cicd_agent.modes.protocol import Ports
from cicd_agent.settings.schema import Settings

NO_PAST = "the history of the touched files"
_MAX_TEXTS, _MAX_TEXT = 500, 200_000
"""How many files are looked into to know what past changes touched, and the bytes of one: a tenth of a second."""
_READ = 10 * MAX_BYTES
"""What is read of the file to tell one that is too large from one that is not there."""


def read_past(
    change: Change, ports: Ports, settings: Settings, event: Event
) -> tuple[History | None, RiskFile | None, tuple[Gap, ...]]:
    """The history of a change at its head, and the risk file of its base; a gap for each that could not be read.

    A base without a risk file is no gap: nothing was learnt yet. The head's own copy of the file is never read.
    """
    history, unread = _history(change, ports, settings)
    gaps = [Gap(NO_PAST, unread)] if unread else []
    learnt, problem = None, ""
    try:
        text = _base_file(ports, settings, event)
        if text is not None and len(text) > MAX_BYTES:
            problem = f"it is larger than {MAX_BYTES:,} bytes, so the shipped numbers hold"
        elif text is not None:
            learnt = RiskFile.model_validate_json(text)
    except ValidationError as error:
        problem = f"it is not valid, so the shipped numbers hold ({first_problem(error)[:200]})"
    except (ConfigError, ForgeRefused) as error:
        problem = f"it could not be read at the base, so the shipped numbers hold: {error}"
    if problem:
        gaps.append(Gap(RISK_FILE, problem))
    return history, learnt, tuple(gaps)


def with_past(evidence: Evidence, change: Change, ports: Ports, settings: Settings) -> Evidence:
    """The evidence with the past of its change, and gaps for what of it could not be read.

    Of a change from the API that there is no checkout is known already.
    """
    history, learnt, missing = read_past(change, ports, settings, evidence.event)
    is_remote = change.source is ChangeSource.API
    limits = (
        *(gap for gap in missing if not (is_remote and gap.what == NO_PAST)),
        *(Gap("", limit) for limit in (history.limits if history else ())),
    )
    return replace(evidence, history=history, learnt=learnt, gaps=(*evidence.gaps, *limits))


def _history(change: Change, ports: Ports, settings: Settings) -> tuple[History | None, str]:
    """The history, or why there is none."""
    repository = ports.repository
    if repository is None:
        return None, "there is no checkout"
    # Without the head, as after a fork's workflow, the past is the same but for who the author is.
    head = repository.resolve(change.head or "HEAD") or repository.resolve(change.base)
    if head is None:
        return None, "the head of the change is not in this clone; set `fetch-depth: 0` on actions/checkout"
    try:
        # The change's own commits come first and are not among those that it is ranked with.
        past = repository.past(head, MAX_COMMITS, COUNTED + len(change.commits))
    except ConfigError as error:
        return None, str(error)
    # Where nobody may look at a clock, the newest commit stands for now.
    now = int(ports.now()) or max((commit.when for commit in past.commits), default=0)
    texts = texts_of(past, repository, change.base, COUNTED)
    return history_of(past, change, now, floor=path_floor(settings, texts)), ""


def texts_of(past: Past, repository: Repository, commit: str, newest: int) -> dict[str, str]:
    """The files of the newest past changes whose content may say what they are, as they are at a commit.

    That commit is the base: what a change makes of its files says nothing of those before it. What cannot be read, or
    is no more, is judged by its path.
    """
    sha = repository.resolve(commit) if commit else None
    counted = islice((each for each in past.commits if each.churn), newest)
    paths = dict.fromkeys(path for each in counted for path in each.paths) if sha else {}
    looked_into = islice((path for path in paths if rows_of(path, kinds(path))), _MAX_TEXTS)
    texts: dict[str, str] = {}
    try:
        for path in looked_into:
            if sha and (blob := repository.blob(sha, path, _MAX_TEXT)) is not None:
                texts[path] = blob.decode("utf-8", "replace")
    except ConfigError:
        return texts  # a partial clone
    return texts


def _base_file(ports: Ports, settings: Settings, event: Event) -> bytes | None:
    """The risk file at the base, else on the default branch; None where there is none."""
    repository, commit = ports.repository, event.base.sha or event.default_branch
    if not commit:
        raise ConfigError("the event names no base")
    if repository is not None:
        if event.base.sha and repository.resolve(commit) is None:
            repository.ensure((event.base.sha,), settings.github_token.get_secret_value())
        sha = repository.resolve(commit)
        if sha is not None:
            return repository.blob(sha, RISK_FILE, _READ)
    if ports.forge is not None:
        text = ports.forge.text_at(RISK_FILE, commit)
        return None if text is None else text.encode("utf-8", "replace")
    raise ConfigError("the base is not in this clone", remedy="Set `fetch-depth: 0` on actions/checkout")
