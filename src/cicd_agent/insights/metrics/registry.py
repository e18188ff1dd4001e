"""Every metric that there is, with the words that its labels may hold."""

from typing import Final

from cicd_agent.domain.metric import OTHER, Label, Metric, MetricKind, by_name
from cicd_agent.domain.modes import MODES
from cicd_agent.modes import contract_of

DECISIONS: Final = {name: contract_of(name).decisions for name in MODES}
"""What each mode may come to; each may also decline or fail."""
EITHER: Final = ("declined", "failed")
CONCLUSIONS: Final = ("success", "failure", "neutral", "skipped")
CODES: Final = ("0", "1", "2", "3", "4", "5", "6", "70", "130")
STAGES: Final = ("gather", "rules", "ask", "model", "experiment", "verify", "perform")
REASONS: Final = (
    "not_in_the_change",
    "quote_not_found",
    "quote_ambiguous",
    "nothing_quoted",
    "says_nothing",
    "too_many",
    "not_defended",
    "unknown_source",
    "test_refused",
    "patch_refused",
)
EFFECTS: Final = (
    "review",
    "comment",
    "reply",
    "annotation",
    "summary",
    "artifact",
    "resolve",
    "labels",
    "check-run",
    "commit-comment",
    "issue",
    "notification",
    "rerun",
    "commit",
    "open-pull",
    "deployment",
    "review-request",
)
OUTCOMES: Final = ("right", "wrong", "unknown")

_MODE = Label("mode", (*MODES, OTHER))
_REPOSITORY = Label("repository", max_values=200)
_MODEL = Label("model", max_values=20)
_C, _G, _H = MetricKind.COUNTER, MetricKind.GAUGE, MetricKind.HISTOGRAM
_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800)


def _named(name: str) -> str:
    return f"cicd_agent_{name}"


RUNS: Final = Metric(
    _named("runs_total"),
    _C,
    "Runs that came to their end, by how they concluded; failed: no decision was reached.",
    (_REPOSITORY, _MODE, Label("conclusion", (*CONCLUSIONS, "failed"))),
)
DECIDED: Final = Metric(
    _named("decisions_total"),
    _C,
    "What was decided; declined: there was nothing to do.",
    (_MODE, Label("decision", tuple(dict.fromkeys(each for own in (*DECISIONS.values(), EITHER) for each in own)))),
)
EXITS: Final = Metric(
    _named("exits_total"),
    _C,
    "Runs by exit code: 0 done, 1 stop, 2 configuration, 3 GitHub, 4 model, 5 budget, 6 misbehaved, 70 bug, 130 ended.",
    (_MODE, Label("code", CODES)),
)
RISKS: Final = Metric(
    _named("risks_total"),
    _C,
    "Changes by the level of their risk.",
    (_MODE, Label("level", ("low", "medium", "high", "critical"))),
)
FINDINGS: Final = Metric(
    _named("findings_total"),
    _C,
    "Findings that stand, by who made them.",
    (Label("origin", ("rule", "model", "tool")), Label("severity", ("low", "medium", "high", "critical"))),
)
REJECTED: Final = Metric(
    _named("claims_rejected_total"),
    _C,
    "Claims of a model that were not proved or not defended, by reason.",
    (_MODE, Label("reason", REASONS)),
)
ESCALATED: Final = Metric(_named("escalations_total"), _C, "Runs after which a person has to decide.", (_MODE,))
DEGRADED: Final = Metric(
    _named("degraded_runs_total"), _C, "Runs in which a model was not heard, or not on everything.", (_MODE,)
)
QUESTIONS: Final = Metric(
    _named("questions_total"),
    _C,
    "Questions put to a model, by whether there was an answer that could be used.",
    (_MODEL, Label("result", ("answered", "unanswered"))),
)
REQUESTS: Final = Metric(_named("model_requests_total"), _C, "Requests that were sent to a model.", (_MODEL,))
CACHED: Final = Metric(
    _named("cached_answers_total"),
    _C,
    "Replies from the cache of answers, for which nothing was sent.",
    (_MODEL,),
)
TOKENS: Final = Metric(
    _named("tokens_total"),
    _C,
    "Tokens that a server reported; cached is a part of input, reasoning a part of output.",
    (_MODEL, Label("type", ("input", "output", "cached", "reasoning"))),
)
UNCOUNTED: Final = Metric(
    _named("uncounted_questions_total"), _C, "Questions whose tokens the server did not report.", (_MODEL,)
)
COST: Final = Metric(
    _named("cost_usd_total"), _C, "What models cost in US dollars, as far as known.", (_REPOSITORY, _MODE)
)
UNPRICED: Final = Metric(_named("unpriced_runs_total"), _C, "Runs whose cost is not known.", (_MODE,))
EFFECT: Final = Metric(
    _named("effects_total"),
    _C,
    "What became of each effect of a plan, step outputs apart.",
    (Label("kind", EFFECTS), Label("state", ("done", "unchanged", "degraded", "skipped", "failed"))),
)
AUDITED: Final = Metric(
    _named("audit_total"),
    _C,
    "Runs by whether their decision was entered in the account book.",
    (Label("state", ("recorded", "failed", "off")),),
)
RUN_SECONDS: Final = Metric(_named("run_seconds"), _H, "How long runs took.", (_MODE,), _SECONDS)
STAGE_SECONDS: Final = Metric(
    _named("stage_seconds"), _H, "How long the stages of runs took.", (_MODE, Label("stage", STAGES)), _SECONDS
)
MODEL_SECONDS: Final = Metric(
    _named("model_request_seconds"),
    _H,
    "How long a model took to reply, retries included; without replies from the cache.",
    (_MODEL, Label("result", ("replied", "failed"))),
    _SECONDS,
)
LAST_RUN: Final = Metric(
    _named("last_run_timestamp_seconds"),
    _G,
    "When the last run ended, in seconds since 1970.",
    (_REPOSITORY, _MODE),
    latest=True,
)
RIGHT: Final = Metric(
    _named("accuracy_ratio"), _G, "Share of right decisions among those that could be judged later on.", (_MODE,)
)
THRESHOLD: Final = Metric(
    _named("accuracy_threshold_ratio"), _G, "Least share of right decisions, as configured.", (_MODE,)
)
OUTCOME_COUNTS: Final = Metric(
    _named("accuracy_decisions"),
    _G,
    "Decisions by what became of them.",
    (_MODE, Label("outcome", OUTCOMES)),
)

REGISTRY: Final = (
    RUNS,
    DECIDED,
    EXITS,
    RISKS,
    FINDINGS,
    REJECTED,
    ESCALATED,
    DEGRADED,
    QUESTIONS,
    REQUESTS,
    CACHED,
    TOKENS,
    UNCOUNTED,
    COST,
    UNPRICED,
    EFFECT,
    AUDITED,
    RUN_SECONDS,
    STAGE_SECONDS,
    MODEL_SECONDS,
    LAST_RUN,
    RIGHT,
    THRESHOLD,
    OUTCOME_COUNTS,
)
METRICS: Final = by_name(REGISTRY)
