from cicd_agent.analysis.rules.run import MAX_OF_RULE, findings, ruled
from cicd_agent.analysis.rules.suppression import weighed
from cicd_agent.domain.finding import Severity
from cicd_agent.settings.schema import Settings
from tests.support.samples.changes import change_of

LINE = "box.innerHTML = name;"


def test_what_is_beyond_the_first_thousand_findings_of_a_rule_in_a_file_is_counted() -> None:
    change = change_of(("a.js", None, f"{LINE}\n" * (MAX_OF_RULE + 1_234)), ("b.js", None, f"{LINE}\n"))
    found = [each for each in findings(change) if each.id == "js-html-injection"]
    assert len(found) == MAX_OF_RULE + 2
    (rest,) = (each for each in found if not each.location.line)
    assert rest.location.path == "a.js"
    assert "1,234 more lines" in rest.message
    assert [each.location.path for each in found].count("b.js") == 1


def test_exactly_as_many_as_are_listed_leave_no_rest() -> None:
    found = findings(change_of(("a.js", None, f"{LINE}\n" * MAX_OF_RULE)))
    assert len([each for each in found if each.id == "js-html-injection"]) == MAX_OF_RULE
    assert all(each.location.line for each in found)


def test_a_flood_of_silenced_findings_hides_none() -> None:
    silenced = "x = eval(a)  # cicd-agent: ignore[dynamic-code] it is ours\n"
    change = change_of(("a.py", None, silenced * MAX_OF_RULE + "y = eval(input())\n"))
    accepted, _ = weighed(ruled(change), change, Settings())
    (rest,) = (each for each in accepted if each.id == "dynamic-code")
    assert (rest.severity, rest.location.line) == (Severity.CRITICAL, 0)
