"""Cuts GitHub's GraphQL schema down to the fields that we ask for: `python tests/support/graphql/regenerate.py`.

Needs npm. The full schema has 1.2 MB; what is kept is what a validator reads, with all arguments of each field. To ask
for one more field, add it to FIELDS and run this again.
"""

import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path

from graphql import build_schema, parse, print_ast, visit
from graphql.language import (
    REMOVE,
    DirectiveNode,
    InterfaceTypeDefinitionNode,
    NamedTypeNode,
    Node,
    ObjectTypeDefinitionNode,
    TypeDefinitionNode,
    UnionTypeDefinitionNode,
    Visitor,
)

PACKAGE = "@octokit/graphql-schema@15.26.1"
HERE = Path(__file__).parent
FIELDS = {
    "Actor": "login",
    "AutomaticBaseChangeSucceededEvent": "createdAt oldBase",
    "BaseRefChangedEvent": "createdAt previousRefName",
    "Blob": "byteSize isBinary isTruncated oid text",
    "Bot": "databaseId login",
    "Commit": "associatedPullRequests authors oid parents signature",
    "CommitConnection": "nodes totalCount",
    "Deployment": "id latestStatus statuses",
    "DeploymentStatus": "createdAt description logUrl state",
    "DeploymentStatusConnection": "nodes totalCount",
    "GitActor": "user",
    "GitActorConnection": "nodes totalCount",
    "GitObject": "oid",
    "GitSignature": "isValid wasSignedByGitHub",
    "GpgSignature": "isValid wasSignedByGitHub",
    "Label": "name",
    "LabelConnection": "nodes",
    "Mutation": "resolveReviewThread",
    "Node": "id",
    "PageInfo": "endCursor hasNextPage",
    "PullRequest": (
        "author baseRefName commits headRefOid labels mergeCommit merged number repository reviews reviewThreads"
        " state timelineItems title updatedAt url"
    ),
    "PullRequestCommit": "commit",
    "PullRequestCommitConnection": "nodes totalCount",
    "PullRequestConnection": "nodes pageInfo",
    "PullRequestReview": "author authorAssociation authorCanPushToRepository commit id state submittedAt",
    "PullRequestReviewConnection": "nodes totalCount",
    "Ref": "name",
    "PullRequestReviewComment": (
        "author body createdAt diffHunk isMinimized minimizedReason originalCommit pullRequestReview reactions url"
    ),
    "PullRequestReviewCommentConnection": "nodes totalCount",
    "PullRequestReviewThread": (
        "comments diffSide id isOutdated isResolved line originalLine originalStartLine path resolvedBy"
    ),
    "PullRequestReviewThreadConnection": "nodes pageInfo totalCount",
    "PullRequestTimelineItems": "AutomaticBaseChangeSucceededEvent BaseRefChangedEvent ReviewDismissedEvent",
    "PullRequestTimelineItemsConnection": "nodes",
    "Query": "nodes repository viewer",
    "Reaction": "user",
    "ReactionConnection": "nodes totalCount",
    "Repository": "defaultBranchRef nameWithOwner object pullRequest pullRequests",
    "ResolveReviewThreadPayload": "thread",
    "ReviewDismissedEvent": "actor review",
    "User": "databaseId login",
}
BUILT_IN = {"Boolean", "Float", "ID", "Int", "String"}


class Bare(Visitor):
    """Takes out what only people and GitHub's own tools read."""

    def enter(self, node: Node, *_: object) -> object:
        """Take the description from a node, and the node itself when it is a directive."""
        if isinstance(node, DirectiveNode):
            return REMOVE
        return replace(node, description=None) if getattr(node, "description", None) else None  # type: ignore[call-arg]


class Names(Visitor):
    """Collects the types that a definition names."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_named_type(self, node: NamedTypeNode, *_: object) -> None:
        """One more."""
        self.found.add(node.name.value)


def trim(text: str) -> str:
    """The types of FIELDS with these fields alone, and everything that their arguments and results lead to."""
    whole = {
        node.name.value: node
        for node in parse(text, no_location=True).definitions
        if isinstance(node, TypeDefinitionNode)
    }
    kept: dict[str, str] = {}
    todo = set(FIELDS)
    while todo:
        name = todo.pop()
        definition = cut(whole[name])
        names = Names()
        visit(definition, names)
        kept[name] = print_ast(definition)
        todo |= names.found - kept.keys() - BUILT_IN
    sdl = "\n\n".join(kept[name] for name in sorted(kept))
    build_schema(sdl)
    return f"# {PACKAGE}, cut by regenerate.py\n\n{sdl}\n"


def cut(definition: TypeDefinitionNode) -> TypeDefinitionNode:
    """A type with the fields of ours and the interfaces that are kept, or a union of the types that are."""
    if isinstance(definition, UnionTypeDefinitionNode):
        members = tuple(
            one for one in definition.types or () if one.name.value in FIELDS[definition.name.value].split()
        )
        definition = replace(definition, types=members)
    if isinstance(definition, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
        wanted = FIELDS[definition.name.value].split()
        fields = tuple(field for field in definition.fields or () if field.name.value in wanted)
        interfaces = tuple(
            one
            for one in definition.interfaces or ()
            # A type whose `id` is not asked for would be no node any more.
            if one.name.value in FIELDS and (one.name.value != "Node" or "id" in wanted)
        )
        definition = replace(definition, fields=fields, interfaces=interfaces)
    bare: TypeDefinitionNode = visit(definition, Bare())
    return bare


def main() -> None:
    """Fetch the package, cut it, write it beside this file with its licence."""
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(Path(scratch).glob("*.tgz"))) as archive:
            archive.extractall(scratch, filter="data")
        package = Path(scratch) / "package"
        whole = (package / "schema.graphql").read_text(encoding="utf-8")
        (HERE / "github.graphql").write_text(trim(whole), encoding="utf-8")
        shutil.copyfile(package / "LICENSE.md", HERE / "LICENSE")


if __name__ == "__main__":
    main()
