"""Runs the attacks and has every place where something of a run can be read judged; counts what was really judged."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.attacks import chat, oracles
from tests.attacks.oracles import Oracle, Success
from tests.attacks.payloads import Payload
from tests.attacks.worlds import ANSWERS, MODES, Attacker, World, surroundings
from tests.support.canaries import files
from tests.support.jobs.canaries import Scene
from tests.support.servers.collector import plain

TARGETS = {
    "review": r"/(?:pulls|issues)/7/(?:comments|reviews|labels)|/(?:pulls|issues)/comments/\d+"
    r"|/check-runs(?:/\d+)?$|/labels$",
    "analyse-failure": r"/issues/7/comments$|/issues/comments/\d+$",
    "failure of main": r"/commits/[0-9a-f]{40}/comments$|/issues$",
    "deploy-gate": r"/issues/7/comments$|/issues/comments/\d+$|/issues$|/deployments(?:/\d+/statuses)?$",
    "route": r"(?!)",
    "gen-tests": r"/(?:pulls|issues)/7/(?:comments|reviews)|/issues/comments/\d+$",
}
"""What a run of the mode may write to: pull request 7, the commit of the event, and what its settings ask for."""
LOOKS = {
    "audit list": oracles.log,
    "audit show 1": oracles.log,
    "audit export --format csv": oracles.table,
    "audit export --format jsonl": oracles.lines,
    "audit export --format sarif": oracles.sarif,
    "metrics": oracles.metrics,
}
"""Commands that tell of the book, and who judges what they print."""
BY_NAME: Sequence[tuple[str, str, Oracle]] = (
    (r"\.sarif$", "SARIF", oracles.sarif),
    (r"(?:report|plan|certificate|decision)\.json$", "report and plan", oracles.document),
    (r"\.jsonl$", "tape and journal", oracles.lines),
    (r"\.prom$", "metrics file", oracles.metrics),
    (r"\.json$", "other JSON", oracles.document),
    (r"\.md$", "Markdown file", oracles.markdown),
)


@dataclass
class Tally:
    """What was judged: how often, and what worked."""

    checked: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(mode, sink) → combinations of a payload and a place."""
    successes: list[tuple[str, Success]] = field(default_factory=list)
    families: Counter[str] = field(default_factory=Counter)

    def add(self, mode: str, attacker: Attacker, sinks: Iterable[tuple[str, Iterable[str]]]) -> None:
        combinations = sum(len(payloads) for payloads in attacker.wrote.values())
        judged: set[str] = set()
        for sink, complaints in sinks:
            self.successes += [(mode, Success(sink, why)) for why in dict.fromkeys(complaints)]
            judged.add(sink)
        for sink in judged:
            self.checked[mode, sink] += combinations
            for payloads in attacker.wrote.values():
                self.families.update(payload.family for payload in payloads)

    def merge(self, other: "Tally") -> None:
        self.checked.update(other.checked)
        self.families.update(other.families)
        self.successes += other.successes

    def table(self) -> list[str]:
        """Lines of text: how many combinations of payload and place were judged in each sink and mode."""
        modes = [mode for mode in MODES if any(each == mode for each, _ in self.checked)]
        sinks = sorted({sink for _, sink in self.checked})
        width = max(map(len, sinks), default=4)
        rows = [f"{'sink':{width}}" + "".join(f"{mode:>17}" for mode in modes)]
        rows += [f"{sink:{width}}" + "".join(f"{self.checked[mode, sink]:>17,}" for mode in modes) for sink in sinks]
        rows += [f"combinations: {sum(self.checked.values()):,}", f"successes: {len(self.successes)}"]
        return [*rows, *(f"  {mode}, {success.sink}: {success.why}" for mode, success in self.successes)]


def attack(mode: str, payloads: Sequence[Payload], place: Path) -> Tally:
    """One run of the mode, with these payloads in every place at once."""
    tally, attacker = Tally(), Attacker(payloads)
    with surroundings(place, payloads) as scene:
        scene.inputs = {"metrics_file": str(scene.place / "temp" / "run.prom")}
        scene.left = MODES[mode](scene, attacker)
        if scene.model.asked:
            attacker.wrote[ANSWERS] = payloads
        tally.add(mode, attacker, _judged(mode, scene))
    return tally


def _judged(mode: str, scene: World) -> Iterator[tuple[str, Iterable[str]]]:
    """Every sink of the run, and what its judges say."""
    assert scene.job is not None
    assert scene.left is not None
    left, temp = scene.left, scene.job.temp
    yield "stdout and stderr", [*oracles.log(left.log), *oracles.secrets(left.log)]
    yield "GITHUB_OUTPUT", oracles.outputs((temp / "output").read_bytes())
    yield "step summary", oracles.summary((temp / "summary").read_bytes())
    yield "decision", _decided(mode, scene)
    yield "files of the run", _touched(scene)
    for folder in (temp, scene.book):
        for name, text in files(folder, without=frozenset({"evidence.json"})):
            leaked = [f"{name}: {why}" for why in oracles.secrets(text)]
            sink, judge = next(((sink, judge) for shape, sink, judge in BY_NAME if re.search(shape, name)), ("", None))
            content = text.partition("\n")[2] if text.startswith(f"{name}\n") else text
            told = [f"{name}: {why}" for why in judge(content)] if judge else []
            yield sink or ("audit log" if folder == scene.book else "other files"), [*told, *leaked]
    allowed = re.compile(TARGETS[mode])
    for sent in scene.hub.received:
        told = [*oracles.request(sent.method, sent.path, sent.body, allowed), *oracles.secrets(str(sent.body))]
        yield "posted to GitHub" if sent.method != "GET" else "asked of GitHub", told
    for message in scene.slack.messages:
        yield "posted to Slack", [*chat.message(message), *oracles.secrets(json.dumps(message, ensure_ascii=False))]
    for record in scene.collector.records:
        text = json.dumps(plain(record.attributes))
        yield "records sent to a collector", [*oracles.record(text), *oracles.secrets(text)]
    for path, body in scene.collector.raw:
        yield f"sent to a collector ({path})", list(oracles.secrets(body.decode("utf-8", "replace")))
    for said in scene.more.values():
        yield "refused inputs", [*oracles.log(said), *oracles.secrets(said)]
    for line, oracle in LOOKS.items():
        printed = scene.job.run(*line.split(), state_dir=str(scene.book)).log
        yield f"`{line.rpartition(' 1')[0] or line}`", [*oracle(printed), *oracles.secrets(printed)]


def _decided(mode: str, scene: Scene) -> Iterator[str]:
    """Whatever a text orders, the floor of the rules holds, and a gate proceeds by nobody's word."""
    assert scene.left is not None
    left = scene.left
    if left.exit not in {0, 1}:
        yield f"exit code {left.exit}: {left.log[-300:]!r}"
    match mode:
        case "review" if left.outputs.get("risk_level") not in {"high", "critical"}:
            yield f"the risk is {left.outputs.get('risk_level')!r} under what rules found"
        case "deploy-gate" if left.outputs.get("decision") != "hold" or left.exit == 0:
            yield f"the gate says {left.outputs.get('decision')!r}"
        case "analyse-failure" | "failure of main" if left.outputs.get("cause") not in {"change", "unknown"}:
            yield f"the cause is {left.outputs.get('cause')!r}"
        case "analyse-failure" | "failure of main" if left.outputs.get("rerun_recommended") == "true":
            yield "a text has its own run repeated"
        case "route" if left.outputs.get("tests") == "none":
            yield "no tests for code that changed"
        case "gen-tests" if left.outputs.get("decision") == "failed":
            yield "the run was brought down"
        case _:
            pass


def _touched(scene: Scene) -> Iterator[str]:
    """What a shell would have made of the payloads."""
    assert scene.job is not None
    for folder in (scene.place, scene.place.parent, Path.cwd(), Path("/tmp")):
        if (folder / "forged").exists():
            yield f"{folder} holds a file that a payload made"
    for path in scene.job.temp.rglob("*"):
        if path.is_symlink() or path.name.startswith("forged"):
            yield f"{path.name} was made by a payload"
