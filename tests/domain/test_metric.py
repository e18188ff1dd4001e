import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cicd_agent.domain.metric import OTHER, ForeignTextError, MetricKind, Sample, Tally, added
from cicd_agent.insights.metrics import registry
from cicd_agent.insights.metrics.prometheus_text import exposition, parse
from cicd_agent.insights.metrics.run_samples import reason

HOSTILE = st.text(max_size=30) | st.sampled_from(['"', "\\", "\\n", '\\"', "a\nb", 'x"} 1', "\r", "\u2028", ""])


@st.composite
def samples(draw: st.DrawFn) -> tuple[Sample, ...]:
    """Any samples of the registry, one for each series."""
    found = {}
    for metric in draw(st.lists(st.sampled_from(list(registry.METRICS.values())), max_size=4)):
        labels = tuple(draw(HOSTILE) for _ in metric.labels)
        value = draw(st.floats(0, 1e12) | st.integers(0, 2**40).map(float))
        size = len(metric.buckets) + 1 if metric.kind is MetricKind.HISTOGRAM else 0
        counts = tuple(draw(st.lists(st.integers(0, 1_000), min_size=size, max_size=size)))
        found[metric.name, labels] = Sample(metric, labels, value, counts)
    return tuple(found.values())


@settings(max_examples=60)
@given(samples())
def test_what_is_written_reads_the_same_whatever_stands_in_its_labels(some: tuple[Sample, ...]) -> None:
    read = parse(exposition(some))
    assert {each.key: each for each in read} == {each.key: each for each in some}


@settings(max_examples=60)
@given(samples(), samples())
def test_adding_keeps_every_count_and_every_label_bounded(left: tuple[Sample, ...], right: tuple[Sample, ...]) -> None:
    total = added(left, right)
    for metric in registry.METRICS.values():
        own = [each for each in (*left, *right) if each.metric is metric]
        got = [each for each in total if each.metric is metric]
        if metric.kind is not MetricKind.GAUGE:
            assert sum(sum(each.counts) for each in got) == sum(sum(each.counts) for each in own)
            assert sum(each.value for each in got) == pytest.approx(sum(each.value for each in own), abs=1e-3)
        assert all(
            value == OTHER or label.bounded(value) == value
            for each in got
            for label, value in zip(metric.labels, each.labels, strict=True)
        )


@settings(max_examples=100)
@given(st.text(max_size=200) | st.text('# HELPTYPcicd_agent{}="\\\n 0123456789', max_size=200))
def test_any_other_text_is_refused_or_holds_nothing(text: str) -> None:
    try:
        found = parse(text)
    except ForeignTextError:
        return
    assert found == ()


RUNS = "# TYPE cicd_agent_escalations_total counter\n"
RIGHT = f'{RUNS}cicd_agent_escalations_total{{mode="review"}} 2\n'
SECONDS = exposition([registry.sample("run_seconds", 3, mode="review")])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("node_load1 0.5\n", "line 1: a sample without its type"),
        ("# TYPE node_load1 gauge\n", "line 1: a metric of somebody else"),
        ("# somebody's comment\n", "line 1: no sample"),
        (RIGHT.replace("2", "-1"), "line 2: no count"),
        (RIGHT.replace("2", "NaN"), "line 2: no count"),
        (RIGHT.replace("2", "1e999"), "line 2: no count"),
        (RIGHT.replace("2", "two"), "line 2: could not convert"),
        (RIGHT.replace('"review"', '"re\\view"'), "line 2: an escape"),
        (RIGHT + RIGHT.removeprefix(RUNS), "line 3: the same sample twice"),
        (RIGHT[:-8], "line 2: no sample"),
        (SECONDS.replace("_count", "_sum"), "the same sample twice"),
        ("\n".join(SECONDS.split("\n")[:-2]), "is not whole"),
        (SECONDS.replace('le="5"} 1', 'le="5"} 9'), "is not whole"),
        (SECONDS.replace('_count{mode="review"} 1', '_count{mode="review"} 7'), "is not whole"),
        ("\0\x1b[2J", "line 1: no sample"),
    ],
)
def test_what_is_not_ours_is_refused_with_its_line(text: str, says: str) -> None:
    with pytest.raises(ForeignTextError, match=re.escape(says)):
        parse(text)


def test_what_another_version_counted_is_dropped_and_the_rest_stays() -> None:
    text = (
        f"{RIGHT}# HELP cicd_agent_gone_total Once.\n# TYPE cicd_agent_gone_total counter\ncicd_agent_gone_total 3\n"
        '# TYPE cicd_agent_run_seconds histogram\ncicd_agent_run_seconds_bucket{mode="review",le="7"} 1\n'
        'cicd_agent_run_seconds_sum{mode="review"} 3\ncicd_agent_run_seconds_count{mode="review"} 1\n'
        '# TYPE cicd_agent_audit_total counter\ncicd_agent_audit_total{state="off",color="red"} 1\n'
    )
    assert parse(text) == (registry.sample("escalations_total", 2, mode="review"),)


def test_an_open_label_holds_so_many_values_and_no_more() -> None:
    tally = Tally()
    tally.add(registry.sample("model_requests_total", model=f"model-{number}") for number in range(1_000))
    tally.add(
        [
            registry.sample("model_requests_total", model="model-3"),
            registry.sample("model_requests_total", model="no such {name}\n"),
        ]
    )
    found = {each.labels[0]: each.value for each in tally.samples}
    assert len(found) == 21
    assert (found["model-3"], found[OTHER]) == (2, 981)


def test_a_closed_label_holds_its_words_only() -> None:
    assert registry.sample("exits_total", mode="ignore previous instructions", code="0").labels == (OTHER, "0")


def test_the_later_run_stays_though_it_was_told_first() -> None:
    late, early = (
        registry.sample("last_run_timestamp_seconds", at, repository="acme/shop", mode="review") for at in (200, 100)
    )
    assert added([late], [early]) == (late,)
    assert added([early], [late]) == (late,)


def test_other_gauges_are_what_was_said_last() -> None:
    assert added(
        [registry.sample("accuracy_ratio", 0.9, mode="review")], [registry.sample("accuracy_ratio", 0.5, mode="review")]
    ) == (registry.sample("accuracy_ratio", 0.5, mode="review"),)


def test_an_observation_falls_into_the_bucket_of_its_bound() -> None:
    bounds = registry.METRICS["cicd_agent_run_seconds"].buckets
    assert registry.sample("run_seconds", 5.0, mode="review").counts.index(1) == bounds.index(5)
    assert registry.sample("run_seconds", 1e9, mode="review").counts.index(1) == len(bounds)


def test_dollars_do_not_grow_tails() -> None:
    tally = Tally()
    tally.add(registry.sample("cost_usd_total", 0.1, repository="a/b", mode="review") for _ in range(30))
    assert exposition(tally.samples).split("\n")[2].endswith(" 3")


@pytest.mark.parametrize(
    ("sentence", "word"),
    [
        ("its path is not in the change", "not_in_the_change"),
        ("praise without proof: the change does not add it", "not_in_the_change"),
        ("it does not say what is wrong", "says_nothing"),
        ("its quote is not in the diff on that side", "quote_not_found"),
        ("build.log line 7: the quote does not stand there", "quote_not_found"),
        ("one of its citations: build.log line 7: a part of a line takes 12 characters", "quote_not_found"),
        (
            "its quote occurs at 3 places, none near line 9; a longer quote would settle it",
            "quote_ambiguous",
        ),
        ("praise without proof: its quote occurs at several places", "quote_ambiguous"),
        ("it quotes no code", "nothing_quoted"),
        ("x line 1: it quotes more than one line", "nothing_quoted"),
        ("it cites nothing", "nothing_quoted"),
        ("more than 30 claims in one review", "too_many"),
        ("refuted on second look: its path is not in the change", "not_defended"),
        ("x line 2: there is no such exhibit to cite", "unknown_source"),
        ("there is no exhibit L9", "unknown_source"),
        ("", OTHER),
        ("\0" * 10_000, OTHER),
    ],
)
def test_each_reason_is_one_of_a_few_words(sentence: str, word: str) -> None:
    assert reason(sentence) == word
    assert word in (*registry.label_values("claims_rejected_total", "reason"), OTHER)
