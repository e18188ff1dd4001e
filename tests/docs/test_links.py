"""Every link of the documents leads somewhere, on GitHub and on the site, and the site has every page."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mkdocs.config import load_config
from mkdocs.structure.files import Files

from scripts import site
from scripts.blocks import pages
from scripts.site import outward

ROOT = Path(__file__).parents[2]
PAGES = [*pages(), ROOT / "deploy/monitoring/README.md"]
HTML_ANCHOR = re.compile(r"<a (?:id|name)=\"([^\"]+)\"")


def flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from flat(token.children or [])


def links(text: str) -> list[str]:
    tokens = flat(MarkdownIt("commonmark").enable("table").parse(text))
    return [
        str(token.attrs.get("href") or token.attrs["src"]) for token in tokens if token.type in {"link_open", "image"}
    ]


def anchors(text: str) -> set[str]:
    """The anchors of a page as GitHub makes them: lower case, blanks to `-`, no punctuation, a number when twice."""
    tokens = MarkdownIt("commonmark").parse(text)
    made: dict[str, int] = {}
    found = {*HTML_ANCHOR.findall(text)}
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            title = "".join(each.content for each in inline.children or [] if each.type in {"text", "code_inline"})
            slug = re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
            count = made[slug] = made.get(slug, -1) + 1
            found.add(f"{slug}-{count}" if count else slug)
    return found


def broken(page: Path) -> list[str]:
    """The links of a page within the repository that lead nowhere."""
    wrong = []
    for link in links(page.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / unquote(path)).resolve() if path else page
        if not target.exists() or not target.is_relative_to(ROOT):
            wrong.append(f"{link}: nothing is there")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text("utf-8")):
            wrong.append(f"{link}: no such heading")
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.relative_to(ROOT)}")
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_broken_link_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    (tmp_path / "b.md").write_text("# One `two`, three\n\n## Again\n\n## Again\n", "utf-8")
    page = tmp_path / "a.md"
    good = "[x](b.md#one-two-three) [x](b.md#again-1) [x](https://example.org) ```[x](z.md)```"
    page.write_text(f"{good} [x](c.md) ![x](d.svg) [x](b.md#two) [x](#no) [x](../e.md)\n", "utf-8")
    assert [line.split(":")[0] for line in broken(page)] == ["c.md", "d.svg", "b.md#two", "#no", "../e.md"]


def nav(node: object) -> list[str]:
    if isinstance(node, str):
        return [node]
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    return [page for each in inner for page in nav(each)]


def settings() -> dict[str, object]:
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    loaded: dict[str, object] = yaml.safe_load(text)
    return loaded


def test_every_page_is_in_the_navigation_once() -> None:
    assert sorted(nav(settings()["nav"])) == sorted(
        f"{page.relative_to(ROOT / 'docs')}" for page in (ROOT / "docs").rglob("*.md")
    )


def test_the_site_asks_nobody_else_for_anything() -> None:
    made = settings()
    assert isinstance(made["theme"], dict)
    assert made["theme"]["font"] is False
    assert not {"extra_javascript", "extra_css", "extra"} & {*made}
    # What the theme draws diagrams with, it fetches from another host as soon as a page has one.
    assert "mermaid" not in f"{made['markdown_extensions']}"


def test_a_link_between_two_parts_of_the_documents_stays_on_the_site() -> None:
    text = "[a](../reference/rules.md#secret) [b](../../README.md)\n"
    assert outward(text, "how-to/approvals.md", "https://github.com/org/x") == (
        "[a](../reference/rules.md#secret) [b](https://github.com/org/x/blob/main/README.md)\n"
    )


def test_a_link_out_of_the_documents_goes_to_the_repository() -> None:
    text = "[a](../SECURITY.md#how) [b](../examples/workflows) [c](rules.md#x)\n```text\n[d](../README.md)\n```\n"
    there = "https://github.com/org/cicd-agent"
    assert outward(text, "review.md", there) == (
        f"[a]({there}/blob/main/SECURITY.md#how) [b]({there}/tree/main/examples/workflows) [c](rules.md#x)\n"
        "```text\n[d](../README.md)\n```\n"
    )


@pytest.mark.parametrize("is_there", [True, False])
def test_diagrams_are_drawn_by_a_copy_of_ours_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_there: bool
) -> None:
    """Without what draws them, the theme would have every reader fetch it from somewhere else."""
    drawer = tmp_path / "mermaid.min.js"
    if is_there:
        drawer.write_text("mermaid = {}")
    monkeypatch.setattr(site, "DRAWER", drawer)
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path / "site"))
    monkeypatch.setattr(config.plugins, "_current_plugin", "ours", raising=False)  # as mkdocs calls a hook
    site.on_config(config)
    files = Files([])
    site.on_files(files, config)
    fences = config.mdx_configs.get("pymdownx.superfences", {}).get("custom_fences", [])
    assert [fence["name"] for fence in fences] == (["mermaid"] if is_there else [])
    assert [file.src_uri for file in files] == [*map(str, config.extra_javascript)]
    assert len([*files]) == is_there
