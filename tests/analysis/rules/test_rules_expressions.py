"""A stranger's text in a script is found however the expression is spelt, and nothing else is."""

from textwrap import indent

import pytest

from cicd_agent.analysis.rules.run import findings
from cicd_agent.domain.finding import Finding
from tests.support.samples.changes import change_of

PATH = ".github/workflows/ci.yml"
RULE = "workflow-injection"
HEAD = "on: issues\npermissions: {}\n"
JOB = "jobs:\n  a:\n    runs-on: x\n    steps:\n"
TITLE = "${{ github.event.issue.title }}"


def found(after: str, before: str | None = None, path: str = PATH) -> list[Finding]:
    return [each for each in findings(change_of((path, before, after))) if each.id == RULE]


def fires(step: str, before_jobs: str = "", job: str = "") -> bool:
    """Whether a new workflow with this step, this much above `jobs` and this much in the job, is found."""
    text = f"{HEAD}{before_jobs}jobs:\n  a:\n    runs-on: x\n{job}    steps:\n{indent(step, '      ')}"
    return bool(found(text))


SPELLINGS = {
    "plain": "- run: echo ${{ github.event.issue.title }}\n",
    "no blanks": "- run: echo ${{github.event.issue.title}}\n",
    "blanks around the dots": "- run: echo ${{ github . event\t. issue .title }}\n",
    "a literal block": "- run: |\n    echo one\n    echo ${{ github.event.issue.title }}\n",
    "over lines of a literal block": "- run: |\n    echo ${{\n      github.event.issue.title\n    }}\n",
    "a folded block": "- run: >-\n    echo ${{ github.event\n    .issue.title }}\n",
    "a plain scalar over lines": "- run: echo ${{\n    github.event.issue.title\n    }}\n",
    "a quoted scalar over lines": '- run: "echo ${{ github.event.\n    issue.title }}"\n',
    "an escaped line break": '- run: "echo $\\\n    {{ github.event.issue.title }}"\n',
    "escaped characters": '- run: "echo \\x24{{ github.event.issue.\\u0074itle }}"\n',
    "doubled quotes": "- run: 'echo ${{ github.event[''issue''].title }}'\n",
    "a flow mapping": "- {name: x, run: 'echo ${{ github.event.issue.title }}'}\n",
    "a key in quotes": '- "run": echo ${{ github.event.issue.title }}\n',
    "an anchor": "- run: &it echo ${{ github.event.issue.title }}\n- run: *it\n",
    "index": "- run: echo ${{ github['event']['pull_request']['title'] }}\n",
    "index and property": "- run: echo ${{ github.event['pull_request'].title }}\n",
    "upper case": "- run: echo ${{ GITHUB.EVENT.PULL_REQUEST.TITLE }}\n",
    "upper case in an index": "- run: echo ${{ github['Event'].Issue['TITLE'] }}\n",
    "toJSON of the leaf": "- run: echo ${{ toJSON(github.event.issue.title) }}\n",
    "toJSON of what holds it": "- run: echo ${{ toJSON(github.event.pull_request) }}\n",
    "toJSON of the event": "- run: echo '${{ toJSON(github.event) }}'\n",
    "toJSON of all": "- run: echo '${{ tojson( github ) }}'\n",
    "toJSON and back": "- run: echo ${{ fromJSON(toJSON(github.event)).issue.title }}\n",
    "fromJSON": "- run: echo ${{ fromJSON(github.event.comment.body).name }}\n",
    "format": "- run: echo ${{ format('{0} it''s {1}', github.run_id, github.event.issue.body) }}\n",
    "FORMAT": "- run: echo ${{ FORMAT('{0}', github.event.issue.body) }}\n",
    "format in format": "- run: echo ${{ format('{0}', format('{0}', github.head_ref)) }}\n",
    "join": "- run: echo ${{ join(github.event.commits.*.message, ' ') }}\n",
    "the separator of join": "- run: echo ${{ join(matrix.a, github.event.issue.title) }}\n",
    "case": "- run: echo ${{ case(github.ref == 'x', 'a', github.event.issue.title) }}\n",
    "or": "- run: echo ${{ inputs.title || github.event.issue.title }}\n",
    "and": "- run: echo ${{ github.event.issue && github.event.issue.title }}\n",
    "a condition": "- run: echo ${{ github.event.issue.title == '' && 'none' || github.event.issue.title }}\n",
    "a group": "- run: echo ${{ (github.event.issue).title }}\n",
    "a choice of what holds it": "- run: echo ${{ (github.event.issue || github.event.pull_request).title }}\n",
    "a filter": "- run: echo ${{ github.event.commits.*.author.email }}\n",
    "a filter of the event": "- run: echo ${{ join(github.event.*.title) }}\n",
    "an index that is a filter": "- run: echo ${{ join(github.event.commits[*].message) }}\n",
    "a number": "- run: echo ${{ github.event.commits[0].message }}\n",
    "a computed key": "- run: echo ${{ github.event[format('{0}', 'issue')].title }}\n",
    "a key from a context": "- run: echo ${{ github.event[github.event_name].body }}\n",
    "behind a string with braces": "- run: echo ${{ format('}}{0}', github.event.issue.title) }}\n",
    "the second of two": "- run: echo ${{ github.sha }} ${{ github.event.issue.title }}\n",
    "in text of more than a line": f"- run: echo {'x' * 2_500} ${{{{ github.event.issue.title }}}}\n",
    "many spaces": f"- run: echo ${{{{ {' ' * 2_500} github.event.issue.title }}}}\n",
    "what does not parse": "- run: echo ${{ github.event.issue.title + 1 }}\n",
    "JavaScript": "- uses: actions/github-script@v7\n  with:\n    script: log('${{ github.event.issue.title }}')\n",
    "JavaScript in upper case": (
        "- uses: Actions/GitHub-Script@v7\n  with:\n    SCRIPT: log('${{ github.event.issue.title }}')\n"
    ),
    "PowerShell": "- uses: azure/powershell@v1\n  with:\n    inlineScript: echo ${{ github.event.issue.title }}\n",
}


@pytest.mark.parametrize("step", SPELLINGS.values(), ids=SPELLINGS)
def test_a_title_in_a_script_is_found_however_it_is_spelt(step: str) -> None:
    assert fires(step)


@pytest.mark.parametrize(
    "name",
    [
        *("issue.title", "issue.body", "pull_request.title", "pull_request.body", "pull_request.head.ref"),
        *("pull_request.head.label", "pull_request.head.repo.default_branch", "pull_request.head.repo.description"),
        *("comment.body", "comment.path", "review.body", "review_comment.body", "discussion.title", "discussion.body"),
        *("head_commit.message", "head_commit.author.name", "head_commit.author.email", "head_commit.committer.name"),
        *("commits[1].message", "commits.*.author.email", "pages.*.page_name", "pages[0].title"),
        *("workflow_run.head_branch", "workflow_run.display_title", "workflow_run.head_commit.message"),
        *("workflow_run.head_repository.description", "changes.title.from", "check_suite.head_branch"),
        *("workflow_run.pull_requests[0].head.ref", "merge_group.head_commit.message"),
    ],
)
def test_what_strangers_write_is_known(name: str) -> None:
    assert fires(f"- run: echo ${{{{ github.event.{name} }}}}\n")


@pytest.mark.parametrize(
    "expression",
    [
        *("github.sha", "github.actor", "github.run_id", "github.repository", "github.ref", "github.base_ref"),
        *("github.event.number", "github.event.issue.number", "github.event.pull_request.number"),
        *("github.event.pull_request.head.sha", "github.event.pull_request.head.repo.full_name"),
        *("github.event.pull_request.base.ref", "github.event.pull_request.user.login", "github.event.comment.id"),
        *("github.event.repository.default_branch", "github.event.inputs.title", "inputs.title", "secrets.TITLE"),
        *("matrix.title", "steps.a.outputs.title", "needs.a.outputs.title", "vars.TITLE", "env.TITLE", "title"),
        # What comes of these is true, false, a number or the name of a type.
        *("github.event.issue.title == 'x'", "github.event.issue.title != github.event.issue.body"),
        *("github.event.issue.title < 'x'", "!github.event.issue.title", "!!(github.event.issue.title)"),
        *("contains(github.event.issue.title, 'x')", "startsWith(github.head_ref, 'x')"),
        *("endsWith(github.head_ref, 'x') && 'a' || 'b'", "contains(github.event.issue.labels.*.name, 'x')"),
        *("github.event.issue.title && 'edited'", "github.event", "github", "github.event.issue"),
        *("Contains(github.head_ref, 'x')", "hashFiles(github.head_ref)"),
        *("case(github.event.issue.title == 'a', 1, contains(github.head_ref, 'b'), 2, 3)", "always()", "success()"),
        *("toJSON(github.event.issue.number)", "toJSON(github.event.pull_request.head.sha)", "toJSON(matrix)"),
        *("toJSON(github.event.issue.labels)", "fromJSON(toJSON(github.event)).issue.number"),
        *("'github.event.issue.title'", "'it''s github.event.issue.title'", "format('github.event.issue.title')"),
        *("matrix[github.event.issue.title]", "github.event.issue.title.length", "other.github.event.issue.title"),
        *("github.event['issue.title']", "github['event.issue'].title", "github.issue.title", "github.event.title"),
    ],
)  # fmt: skip
def test_what_no_stranger_writes_may_be_in_a_script(expression: str) -> None:
    assert not fires(f"- run: |\n    echo ${{{{ {expression} }}}}\n")


@pytest.mark.parametrize(
    "step",
    [
        f'- env:\n    T: {TITLE}\n  run: echo "$T"\n',
        f"- name: {TITLE}\n  run: make\n",
        f"- if: contains({TITLE}, 'x')\n  run: make\n",
        f"- run: make # {TITLE}\n",
        f"- uses: actions/labeler@v5\n  with:\n    text: {TITLE}\n",
        f"- uses: my/github-script@v5\n  with:\n    script: {TITLE}\n",
        "- run: echo '${{ github.event.issue.title'\n",
        "- run: echo $ {{ github.event.issue.title }}\n",
        "- run: >-\n    echo $\n    {{ github.event.issue.title }}\n",
        "- run: echo {{ github.event.issue.title }}\n",
    ],
)
def test_a_title_elsewhere_than_in_a_script_is_none(step: str) -> None:
    assert not fires(step)


ENV = f"env:\n  T: {TITLE}\n"


@pytest.mark.parametrize("use", ["env.T", "env['T']", "ENV.T", "format('{0}', env.T)", "toJSON(env)", "env[matrix.a]"])
@pytest.mark.parametrize("level", ["workflow", "job", "step"])
def test_an_environment_variable_with_a_title_is_one_where_it_is_replaced(level: str, use: str) -> None:
    step = f"- run: echo ${{{{ {use} }}}}\n" + (indent(ENV, "  ") if level == "step" else "")
    workflow, job = ENV if level == "workflow" else "", indent(ENV, "    ") if level == "job" else ""
    assert fires(step, workflow, job)
    assert not fires(step.replace(f"${{{{ {use} }}}}", '"$T"'), workflow, job)


def test_an_environment_variable_has_the_value_of_the_nearest_level() -> None:
    use = "- run: echo ${{ env.T }}\n"
    assert not fires(use + "  env:\n    T: nothing\n", ENV)
    assert fires(use + "  env:\n    t: nothing\n", ENV)
    assert fires(use + "  env:\n    U: nothing\n", ENV)
    assert fires(use + indent(ENV, "  "), "env:\n  T: nothing\n")


def test_an_environment_variable_may_hold_another() -> None:
    assert fires("- run: echo ${{ env.U }}\n  env:\n    U: <${{ env.T }}>\n", ENV)
    assert not fires("- run: echo ${{ env.U }}\n  env:\n    U: ${{ env.T != '' }}\n", ENV)


def test_the_environment_of_another_step_or_job_is_none_of_this_one() -> None:
    assert not fires(f"- run: make\n{indent(ENV, '  ')}- run: echo ${{{{ env.T }}}}\n")
    other = f"  b:\n    runs-on: x\n{indent(ENV, '    ')}    steps:\n      - run: make\n"
    assert not found(f"{HEAD}{JOB}      - run: echo ${{{{ env.T }}}}\n{other}")


def test_a_new_value_of_a_variable_is_told_of_where_it_stands() -> None:
    after = f"{HEAD}{ENV}{JOB}      - run: echo ${{{{ env.T }}}}\n"
    [finding] = found(after, after.replace(TITLE, "nothing"))
    assert finding.location.line == 4


def test_of_several_new_values_the_first_is_told_of() -> None:
    values = "".join(f"  T{n}: {TITLE}\n" for n in range(9))
    use = " ".join(f"env.T{n} ||" for n in range(9))
    after = f"{HEAD}env:\n{values}{JOB}      - run: echo ${{{{ {use} 1 }}}}\n"
    [finding] = found(after, after.replace(TITLE, "nothing"))
    assert finding.location.line == 4


def test_an_expression_is_told_of_at_its_new_line_alone() -> None:
    script = "echo ${{\n  github.event.issue.title\n}}\nmake\n"
    after = f"{HEAD}{JOB}      - run: |\n{indent(script, ' ' * 10)}"
    assert [each.location.line for each in found(after)] == [8]
    assert [each.location.line for each in found(after, after.replace("issue.title", "issue.number"))] == [9]
    assert not found(after, after.replace("make", "make test"))


@pytest.mark.parametrize(
    "use", ["inputs.a-b", "INPUTS['a']", "toJSON(inputs)", "format('{0}', inputs.a)", "inputs.a || 1"]
)
def test_the_inputs_of_an_action_are_found_however_they_are_spelt(use: str) -> None:
    action = "runs:\n  using: composite\n  steps:\n    - shell: bash\n      run: echo ${{ %s }}\n"
    [finding] = found(action % use, path="action.yml")
    assert finding.severity == "medium"
    assert not found(action % "inputs.a == 'x'", path="action.yml")
    assert not fires(f"- run: echo ${{{{ {use} }}}}\n")


def test_a_variable_that_a_step_writes_is_one_of_those_after_it() -> None:
    write = 'echo "U=$T" >> "$GITHUB_ENV"'
    steps = f"- env:\n    T: {TITLE}\n  run: {write}\n- run: echo ${{{{ env.U }}}}\n"
    assert fires(steps)
    assert not fires(steps.replace("U=$T", "U=1"))
    assert not fires(steps.replace("T: $", "V: $"))
    assert not fires(steps.replace("GITHUB_ENV", "GITHUB_OUTPUT"))


@pytest.mark.parametrize(
    "use", ["steps.S.outputs.u", "steps['s']['outputs']['U']", "toJSON(steps)", "steps.*.outputs.u"]
)
def test_what_a_step_puts_out_is_one_of_those_after_it(use: str) -> None:
    write = 'echo "u=$T" >> "$GITHUB_OUTPUT"'
    steps = f"- id: s\n  env:\n    T: {TITLE}\n  run: {write}\n- run: echo ${{{{ {use} }}}}\n"
    assert fires(steps)
    assert not fires(steps.replace("u=$T", "u=1"))
    assert not fires(steps.replace("T: $", "V: $"))
    assert not fires(steps.replace("outputs", "outcome")) or use == "toJSON(steps)"


@pytest.mark.parametrize("put_out", [TITLE, "${{ steps.s.outputs.u }}"])
def test_what_a_job_puts_out_is_one_of_those_that_need_it(put_out: str) -> None:
    text = (
        f"{HEAD}jobs:\n  a:\n    outputs:\n      o: {put_out}\n    steps:\n"
        f"      - id: s\n        env:\n          T: {TITLE}\n        run: echo u=$T >> $GITHUB_OUTPUT\n"
        "  b:\n    needs: a\n    steps:\n      - run: echo ${{ needs.a.outputs.o }}\n"
    )
    assert [each.location.line for each in found(text)] == [15]
    assert not found(text.replace(put_out, "${{ github.sha }}", 1))


def test_steps_that_an_alias_repeats_have_the_variables_of_every_job() -> None:
    shared = "  a:\n    steps: &s\n      - run: echo ${{ env.T }}\n"
    assert found(f"{HEAD}jobs:\n{shared}  b:\n{indent(ENV, '    ')}    steps: *s\n")
    assert not found(f"{HEAD}jobs:\n{shared}  b:\n{indent(ENV, '    ')}    steps: []\n")
    one = f"{HEAD}jobs:\n  a:\n    steps:\n      - &s\n        run: echo ${{{{ env.T }}}}\n"
    assert found(f"{one}  b:\n{indent(ENV, '    ')}    steps: [*s]\n")
