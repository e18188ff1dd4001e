"""Only a line of its own that a person wrote to be read approves or overrides a deployment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.events.deploy_comment import LONGEST_REASON, deploy_command

HASH = "0123456789ab"
LINE = f"/approve-deploy {HASH}"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (LINE, ("approve", HASH, "")),
        (f"{LINE}  \t", ("approve", HASH, "")),
        (f"Looks good.\r\n{LINE}\r\nThanks!", ("approve", HASH, "")),
        (f"/override-deploy\t{HASH * 4} the pager is on fire ", ("override", HASH * 4, "the pager is on fire")),
        (f"/override-deploy {HASH} first\n{LINE}", ("override", HASH, "first")),
        (f"> {LINE}\n\n/override-deploy {HASH} mine", ("override", HASH, "mine")),
        (f"```\n{LINE}\n```\n/override-deploy {HASH} mine", ("override", HASH, "mine")),
        (f"``` not`a fence\n{LINE}", ("approve", HASH, "")),
        (f"<!-- a --> <!-- b -->\n{LINE}", ("approve", HASH, "")),
        (f"<!--\nx -->\n{LINE}", ("approve", HASH, "")),
        ("/approve-deploy", ("approve", "", "")),
        ("Fine.\n/approve-deploy \nThanks!", ("approve", "", "")),
        ("/approve-deploy\n" + HASH, ("approve", "", "")),
        (f"/approve-deploy {HASH[:8]}", ("approve", HASH[:8], "")),
        (f"/approve-deploy {HASH.upper()}", ("approve", HASH, "")),
        (f"/override-deploy {HASH[:8]} the pager is on fire", ("override", HASH[:8], "the pager is on fire")),
        # What is no hash is heard, so that it is answered, and names nothing.
        (f"/approve-deploy {HASH[:7]}", ("approve", HASH[:7], "")),
        (f"/approve-deploy {HASH}zz", ("approve", f"{HASH}zz", "")),
        (f"/approve-deploy {HASH * 6}", ("approve", HASH * 6, "")),
        (f"/approve-deploy ~~{HASH}~~", ("approve", f"~~{HASH}~~", "")),
        ("/approve-deploy staging please", ("approve", "staging", "please")),
        ("/override-deploy the pager is on fire", ("override", "", "the pager is on fire")),
    ],
)
def test_the_first_line_that_says_something_is_heard(body: str, found: tuple[str, str, str]) -> None:
    assert deploy_command(body) == found


@pytest.mark.parametrize(
    "body",
    [
        "",
        f"/approve-deploys {HASH}",
        "/approve-deploy.",
        " /approve-deploy",
        "> /approve-deploy",
        f"/Approve-deploy {HASH}",
        f"please {LINE}",
        f" {LINE}",
        f"\t{LINE}",
        f"> {LINE}",
        f">{LINE}",
        f"- {LINE}",
        f"`{LINE}`",
        f"```\n{LINE}",
        f"````\n```\n{LINE}\n````",
        f"~~~ text\n```\n{LINE}\n~~~",
        f"   ```sh\n{LINE}\n   ```",
        f"```\n``` x\n{LINE}",
        f"<!--\n{LINE}\n-->",
        f"hello <!-- a --> <!--\n{LINE}",
        f"\N{LINE SEPARATOR}{LINE}",
        f"a\N{LINE SEPARATOR}{LINE}",
    ],
)
def test_what_is_quoted_hidden_or_misspelt_says_nothing(body: str) -> None:
    assert deploy_command(body) is None


@given(st.text())
def test_a_reason_is_short_and_printable_whatever_was_written(reason: str) -> None:
    found = deploy_command(f"{LINE} {reason}")
    assert found is not None
    assert found[:2] == ("approve", HASH)
    assert len(found[2]) <= LONGEST_REASON
    assert found[2].isprintable()


PARTS = st.sampled_from(["```", "~~~~", "> ", "<!--", "-->", LINE, f"/override-deploy {HASH} x", "\r", "\n", "a", " "])


@given(st.lists(PARTS, max_size=12).map("".join))
def test_what_is_heard_stands_in_the_comment_as_a_line(body: str) -> None:
    found = deploy_command(body)
    lines = body.replace("\r", "\n").split("\n")
    if found is not None:
        assert any(line.startswith(f"/{found[0]}-deploy {found[1]}") for line in lines)


@given(st.lists(PARTS, max_size=12).map("".join))
def test_a_fence_says_nothing_whatever_is_in_it(body: str) -> None:
    fence = "`" * 40
    assert deploy_command(f"{fence}\n{body}\n{LINE}\n{fence}") is None


@given(st.text(alphabet="`~ >-<!\n/aeprov0123456789 ", max_size=200))
def test_a_quotation_says_nothing(body: str) -> None:
    assert deploy_command("\n".join(f"> {line}" for line in f"{body}\n{LINE}".split("\n"))) is None
