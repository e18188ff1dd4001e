"""What a path says about its file, before anybody has read a line of it, and patterns that name files."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import translate
from typing import TYPE_CHECKING

from cicd_agent.domain.verdict import RiskLevel


class PathKind(StrEnum):
    """One thing that a path's name and place say of the file; a file may be several."""

    DOCS = "docs"
    TEST = "test"
    EXAMPLE = "example"
    MIGRATION = "migration"
    AUTH = "auth"
    API_CONTRACT = "api_contract"
    INFRASTRUCTURE = "infrastructure"
    DOCKERFILE = "dockerfile"
    DEPENDENCY_MANIFEST = "dependency_manifest"
    LOCK_FILE = "lock_file"
    WORKFLOW = "workflow"
    CI_CONFIG = "ci_config"
    ENV_CONFIG = "env_config"
    OWN_CONFIG = "own_config"
    GENERATED = "generated"
    VENDORED = "vendored"
    SOURCE = "source"
    DATA = "data"
    ASSET = "asset"


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the product that a change touches and that is risky whatever the lines say.

    It sets a floor under the risk and is no finding: touching a migration is no mistake. `reason` is a clause that
    follows "this change" ("touches 2 database migrations").
    """

    kind: PathKind
    floor: RiskLevel
    reason: str
    paths: tuple[str, ...]


OWN_CONFIG = ".github/cicd-agent.yml"
UNCOUNTED = frozenset({PathKind.DOCS, PathKind.GENERATED, PathKind.VENDORED, PathKind.LOCK_FILE})
"""Nobody writes or reads these line by line: they count as files, their lines do not."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _names(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)))


_SOURCE = _words(
    "astro bash bat c cc clj cpp cs cu cxx cxx dart el erl ex exs f90 fs go groovy h hpp hs htm html hxx ipynb java jl "
    "js jsx kt kts lua m mjs cjs ml mm mts cts nim pas php pl pm ps1 py pyi pyx pxd r rb rs sass scala sh sol sql "
    "svelte swift tcl ts tsx vb vue zig zsh jinja jinja2 j2 mako erb ejs hbs"
)
_DATA = _words("json jsonl json5 yaml yml toml ini cfg conf csv tsv xml properties env plist parquet po pot txt dat")
_ASSET = _words(
    "png jpg jpeg gif svg ico webp avif bmp tif tiff woff woff2 ttf otf eot mp3 mp4 wav ogg webm mov pdf psd "
    "css scss less styl"
)
_PROSE = _words("md markdown mdx rst adoc asciidoc org textile")
_PROSE_STEMS = _words(
    "readme changelog changes history news license licence copying copyright authors contributors maintainers "
    "contributing code_of_conduct notice security support todo governance upgrading install thanks"
)

_DOCS_DIRS = _words("doc docs documentation man manual changelog.d newsfragments")
_TEST_DIRS = _words("tests __tests__ __mocks__ __snapshots__ e2e testdata test_data cypress")
_EXAMPLE_DIRS = _words("example examples demo demos sample samples tutorial tutorials")
_VENDORED_DIRS = _words(
    "vendor _vendor vendored _vendored third_party third-party thirdparty node_modules bower_components site-packages"
)
_GENERATED_DIRS = _words("generated __generated__ _generated")
_CLUSTER_DIRS = _words("k8s kubernetes helm kustomize manifests argocd ansible terraform")

_TEST_NAMES = _names(
    "test_*.py", "*_test.py", "tests.py", "test.py", "conftest.py", "*.test.[jt]s*", "*.test.[cm][jt]s",
    "*.spec.[jt]s*", "*.spec.[cm][jt]s", "*.cy.[jt]s*", "*_test.go", "*_test.rb", "*_spec.rb", "*_test.exs",
    "*_test.dart", "*_test.c", "*_test.cc", "*_test.cpp", "test_*.c", "test_*.cpp", "*.snap",
)  # fmt: skip
# Suffixes of class files: the case of the letter tells LoginTest.java from latest.java.
_TEST_CLASSES = re.compile(r"(?:Test|Tests|IT|Spec)\.(?:java|kt|kts|scala|groovy|cs|php|swift)$")

_GENERATED_NAMES = _names(
    "*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*.pb.go", "*.pb.cc", "*.pb.h", "*.g.dart", "*.freezed.dart",
    "*.designer.cs", "*.generated.*", "*.min.js", "*.min.css", "*.min.mjs", "*.bundle.js", "*.js.map", "*.css.map",
    "*.snap",
)  # fmt: skip
_LOCK_NAMES = _names(
    "*.lock", "*.lockfile", "*.lock.json", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "bun.lockb",
    "go.sum", "pylock.toml", "pylock.*.toml", "conda-lock.yml", "package.resolved", ".terraform.lock.hcl",
    "verification-metadata.xml",
)  # fmt: skip
_MANIFEST_NAMES = _names(
    "pyproject.toml", "setup.py", "setup.cfg", "pipfile", "requirements*.txt", "requirements*.in", "constraints*.txt",
    "environment.yml", "environment.yaml", "package.json", "cargo.toml", "go.mod", "gemfile", "*.gemspec",
    "composer.json", "pom.xml", "build.gradle", "build.gradle.kts", "libs.versions.toml", "*.csproj", "*.fsproj",
    "package.swift", "mix.exs", "pubspec.yaml", "deno.json", "deno.jsonc", "podfile",
)  # fmt: skip
_DOCKER_NAMES = _names("dockerfile", "dockerfile.*", "*.dockerfile", "containerfile", "containerfile.*")
_INFRA_NAMES = _names(
    "*.tf", "*.tfvars", "*.hcl", "*.bicep", "docker-compose*.y*ml", "compose.y*ml", "compose.*.y*ml", "chart.yaml",
    "kustomization.y*ml", "serverless.y*ml", "pulumi*.yaml", "cdk.json", "nginx*.conf", "procfile", "fly.toml",
    "*.cfn.y*ml", "*.cfn.json", "skaffold.yaml", "playbook*.y*ml", "values*.yaml",
)  # fmt: skip
_CI_NAMES = _names(
    ".gitlab-ci.yml", "jenkinsfile", "azure-pipelines*.y*ml", ".travis.yml", "appveyor.yml", ".appveyor.yml",
    "bitbucket-pipelines.yml", ".drone.yml", "cloudbuild.yaml", ".pre-commit-config.yaml", ".pre-commit-hooks.yaml",
    "tox.ini", "noxfile.py", "codecov.yml", ".codecov.yml", "action.yml", "action.yaml", "dependabot.yml",
    "renovate.json*", "codeowners", ".readthedocs.y*ml",
)  # fmt: skip
_ENV_NAMES = _names(
    ".env", ".env.*", ".envrc", "*.env", "settings.py", "settings_*.py", "appsettings*.json", "application*.y*ml",
    "application*.properties", "local_settings.py",
)  # fmt: skip
_ENV_TEMPLATES = _names(".env*example*", ".env*sample*", ".env*template*", ".env*dist", ".env*defaults*", "example.env")
_API_NAMES = _names(
    "openapi*.y*ml", "openapi*.json", "swagger*.y*ml", "swagger*.json", "asyncapi*.y*ml", "asyncapi*.json",
    "*.openapi.y*ml", "*.openapi.json", "*.proto", "*.graphqls", "schema*.graphql", "*schema.graphql", "*.avsc",
    "*.thrift", "*.wsdl",
)  # fmt: skip
_MIGRATION_NAME = re.compile(r"v\d+[\d._]*__.+\.(?:sql|java|kt)|.+\.(?:up|down)\.sql|\d{3,}.*\.(?:py|rb|[jt]s|php|go)")

_AUTH_WORDS = _words(
    "auth oauth authn authz authentication authenticator authenticators authenticate authorization authorisation "
    "authorizer authorize login logout signin permission permissions password passwords passwd credential credentials "
    "jwt sso saml oidc rbac acl acls mfa totp webauthn csrf security"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def kinds(path: str) -> frozenset[PathKind]:
    """All kinds of a repository path (slashes, no leading one). Empty for what is none of them."""
    lower = path.lower()
    *parents, name = lower.split("/")
    places = frozenset(parents)
    suffix = name.rpartition(".")[2] if "." in name else ""
    found = _standing(path, name, suffix, parents)
    if _LOCK_NAMES.match(name):
        return frozenset(found | {PathKind.LOCK_FILE})
    if _MANIFEST_NAMES.match(name) or (suffix in {"txt", "in"} and parents[-1:] == ["requirements"]):
        found.add(PathKind.DEPENDENCY_MANIFEST)
    elif _is_prose(name, suffix, places):
        return frozenset(found | {PathKind.DOCS})
    if lower == OWN_CONFIG:
        found.add(PathKind.OWN_CONFIG)
    found |= _format(suffix)
    found |= _configuration(lower, name, suffix, places)
    if not found & {PathKind.TEST, PathKind.VENDORED, PathKind.EXAMPLE}:
        found |= _product(path, name, suffix, parents)
    return frozenset(found)


def is_test(path: str) -> bool:
    """Whether `kinds` holds TEST, for who asks nothing else and asks it of every file of a repository."""
    *parents, name = path.lower().split("/")
    return _is_test(path, name, name.rpartition(".")[2] if "." in name else "", parents)


def _standing(path: str, name: str, suffix: str, parents: list[str]) -> set[PathKind]:
    """How the file stands to the product: what tests it, shows it, or is not written here."""
    found: set[PathKind] = set()
    if not _VENDORED_DIRS.isdisjoint(parents):
        found.add(PathKind.VENDORED)
    if not _GENERATED_DIRS.isdisjoint(parents) or _GENERATED_NAMES.match(name):
        found.add(PathKind.GENERATED)
    if not _EXAMPLE_DIRS.isdisjoint(parents):
        found.add(PathKind.EXAMPLE)
    if _is_test(path, name, suffix, parents):
        found.add(PathKind.TEST)
    return found


def _format(suffix: str) -> set[PathKind]:
    """What the file is made of, by its extension."""
    if suffix in _SOURCE:
        return {PathKind.SOURCE}
    if suffix in _DATA:
        return {PathKind.DATA}
    return {PathKind.ASSET} if suffix in _ASSET else set()


def _configuration(lower: str, name: str, suffix: str, places: frozenset[str]) -> set[PathKind]:
    """What builds, deploys and configures the product."""
    found: set[PathKind] = set()
    is_yaml = suffix in {"yml", "yaml"}
    if lower.startswith(".github/workflows/") and is_yaml:
        found.add(PathKind.WORKFLOW)
    elif lower.startswith((".github/actions/", ".circleci/", ".buildkite/")) or _CI_NAMES.match(name):
        found.add(PathKind.CI_CONFIG)
    if _DOCKER_NAMES.match(name):
        found.add(PathKind.DOCKERFILE)
    if _INFRA_NAMES.match(name) or (places & _CLUSTER_DIRS and (is_yaml or suffix in {"json", "tpl", "j2"})):
        found.add(PathKind.INFRASTRUCTURE)
    if _ENV_NAMES.match(name) and not _ENV_TEMPLATES.match(name):
        found.add(PathKind.ENV_CONFIG)
    return found


def _product(path: str, name: str, suffix: str, parents: list[str]) -> set[PathKind]:
    """The parts of the product itself that deserve a second look."""
    found: set[PathKind] = set()
    if _is_migration(name, suffix, parents):
        found.add(PathKind.MIGRATION)
    if _API_NAMES.match(name):
        found.add(PathKind.API_CONTRACT)
    if suffix in _SOURCE and _AUTH_WORDS & {word.lower() for word in _WORD.findall(path)}:
        found.add(PathKind.AUTH)
    return found


def _is_test(path: str, name: str, suffix: str, parents: list[str]) -> bool:
    if _TEST_NAMES.match(name) or _TEST_CLASSES.search(path):
        return True
    if not _TEST_DIRS.isdisjoint(parents) or parents[:1] == ["t"]:
        return True
    if "spec" in parents:
        return suffix in {"rb", "js", "ts", "jsx", "tsx"}  # spec/openapi.yaml is a specification
    if "test" in parents:
        # A package named `test` inside a Python package is a product (django.test); at the top it holds the tests.
        return suffix != "py" or parents.index("test") == 0 or parents[parents.index("test") - 1] == "src"
    return False


def _is_prose(name: str, suffix: str, places: frozenset[str]) -> bool:
    if suffix in _PROSE:
        return True
    stem = name.partition(".")[0].replace("-", "_")
    if suffix in {"", "txt"} and stem in _PROSE_STEMS:
        return True
    return bool(places & _DOCS_DIRS) and suffix in {"", "txt", "js", "html", "htm"} | _ASSET


def _is_migration(name: str, suffix: str, parents: list[str]) -> bool:
    """Django, Rails, Knex (numbered names), Flyway (V1__x.sql), Alembic (versions/), plain SQL in migrations/."""
    places = {"migrations", "migration", "migrate", "alembic"}.intersection(parents)
    if not places or name == "__init__.py":
        return bool(re.fullmatch(r"v\d+[\d._]*__.+\.sql", name))
    if suffix == "sql" or _MIGRATION_NAME.fullmatch(name):
        return True
    return parents[-1] == "versions" and suffix == "py"


if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


def matcher(patterns: Sequence[str]) -> "GitIgnoreSpec":
    """What tells whether a path is meant. Raises ValueError for what is no pattern, such as `[z-a]` or a lone `!`."""
    from pathspec import GitIgnoreSpec  # noqa: PLC0415  whoever asks for `--help` names no files

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of Python's, about `[[`, which git reads as we do
        try:
            return GitIgnoreSpec.from_lines(patterns)
        except re.error as error:  # a library's slip: it lets that of the expression through that it makes
            raise ValueError(str(error)) from None


def all_patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The same when each can be matched with. Raises ValueError that names the first that cannot by its number."""
    for number, pattern in enumerate(patterns, 1):
        try:
            matcher([pattern])
        except ValueError:
            raise ValueError(f"a list of patterns as .gitignore has them, and number {number} is none") from None
    return patterns
