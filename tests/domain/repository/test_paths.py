import pytest
from hypothesis import given
from hypothesis import strategies as st

from cicd_agent.domain.repository.paths import PathKind, is_test, kinds

K = PathKind


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("README.md", {K.DOCS}),
        ("authors.md", {K.DOCS}),
        ("SECURITY", {K.DOCS}),
        ("LICENSE.txt", {K.DOCS}),
        ("docs/logo.png", {K.DOCS}),
        ("docs/conf.py", {K.SOURCE}),
        ("docs/_static/search.js", {K.DOCS}),
        ("docs/migrations/0001.md", {K.DOCS}),
        ("src/latest.py", {K.SOURCE}),
        ("src/contest.py", {K.SOURCE}),
        ("src/author.py", {K.SOURCE}),
        ("src/authoring/tokenizer.py", {K.SOURCE}),
        ("src/loginfo.py", {K.SOURCE}),
        ("tests/test_api.py", {K.TEST, K.SOURCE}),
        ("tests/auth/test_login.py", {K.TEST, K.SOURCE}),
        ("pkg/api_test.go", {K.TEST, K.SOURCE}),
        ("web/src/app.test.tsx", {K.TEST, K.SOURCE}),
        ("web/src/app.spec.ts", {K.TEST, K.SOURCE}),
        ("src/test/java/LoginTest.java", {K.TEST, K.SOURCE}),
        ("src/main/java/Latest.java", {K.SOURCE}),
        ("django/test/client.py", {K.SOURCE}),
        ("test/client.js", {K.TEST, K.SOURCE}),
        ("spec/openapi.yaml", {K.DATA, K.API_CONTRACT}),
        ("spec/user_spec.rb", {K.TEST, K.SOURCE}),
        ("auth/session.py", {K.SOURCE, K.AUTH}),
        ("web/LoginForm.tsx", {K.SOURCE, K.AUTH}),
        ("src/OAuth2Client.java", {K.SOURCE, K.AUTH}),
        ("accounts/permissions.py", {K.SOURCE, K.AUTH}),
        ("static/login.css", {K.ASSET}),
        ("shop/migrations/0042_drop.py", {K.SOURCE, K.MIGRATION}),
        ("shop/migrations/__init__.py", {K.SOURCE}),
        ("django/db/migrations/autodetector.py", {K.SOURCE}),
        ("alembic/versions/ae12_add.py", {K.SOURCE, K.MIGRATION}),
        ("db/migrate/20240101_add.rb", {K.SOURCE, K.MIGRATION}),
        ("sql/V12__add.sql", {K.SOURCE, K.MIGRATION}),
        ("migrations/0042.sql", {K.SOURCE, K.MIGRATION}),
        ("queries/report.sql", {K.SOURCE}),
        ("api/openapi.json", {K.DATA, K.API_CONTRACT}),
        ("proto/user.proto", {K.API_CONTRACT}),
        ("web/queries/user.graphql", set()),
        ("schema.graphql", {K.API_CONTRACT}),
        ("Dockerfile", {K.DOCKERFILE}),
        ("docker/api.Dockerfile", {K.DOCKERFILE}),
        ("docker-compose.yml", {K.DATA, K.INFRASTRUCTURE}),
        ("infra/main.tf", {K.INFRASTRUCTURE}),
        ("k8s/api.yaml", {K.DATA, K.INFRASTRUCTURE}),
        (".github/workflows/ci.yml", {K.DATA, K.WORKFLOW}),
        ("examples/.github/workflows/ci.yml", {K.DATA, K.EXAMPLE}),
        (".gitlab-ci.yml", {K.DATA, K.CI_CONFIG, K.PIPELINE}),
        (".github/cicd-agent.yml", {K.DATA, K.OWN_CONFIG}),
        ("CODEOWNERS", {K.CI_CONFIG, K.CODE_OWNERS}),
        (".github/CODEOWNERS", {K.CI_CONFIG, K.CODE_OWNERS}),
        ("docs/CODEOWNERS", {K.CI_CONFIG, K.CODE_OWNERS}),
        ("doc/CODEOWNERS", {K.DOCS}),
        ("CLAUDE.md", {K.AGENT_INSTRUCTIONS}),
        ("docs/AGENTS.md", {K.AGENT_INSTRUCTIONS}),
        ("docs/agents.md", {K.DOCS}),
        ("src/agents.md", {K.AGENT_INSTRUCTIONS}),
        ("tests/GEMINI.md", {K.AGENT_INSTRUCTIONS, K.TEST}),
        (".github/copilot-instructions.md", {K.AGENT_INSTRUCTIONS}),
        (".github/instructions/style.instructions.md", {K.AGENT_INSTRUCTIONS}),
        (".cursor/rules/a.mdc", {K.AGENT_INSTRUCTIONS}),
        ("web/.cursorrules", {K.AGENT_INSTRUCTIONS}),
        (".windsurfrules", {K.AGENT_INSTRUCTIONS}),
        (".clinerules", {K.AGENT_INSTRUCTIONS}),
        (".aider.conf.yml", {K.AGENT_INSTRUCTIONS, K.DATA}),
        (".mcp.json", {K.AGENT_INSTRUCTIONS, K.DATA}),
        (".claude/settings.json", {K.AGENT_INSTRUCTIONS, K.DATA}),
        (".claude/README.md", {K.AGENT_INSTRUCTIONS}),
        ("docs/claude.html", {K.DOCS}),
        (".npmrc", {K.DEPENDENCY_MANIFEST}),
        ("docs/.cargo/config", {K.DEPENDENCY_MANIFEST}),
        (".cargo/config.toml", {K.DATA, K.DEPENDENCY_MANIFEST}),
        (".gitmodules", {K.DEPENDENCY_MANIFEST}),
        ("src/config.toml", {K.DATA}),
        ("web/settings.xml", {K.DATA}),
        ("settings.xml", {K.DATA, K.DEPENDENCY_MANIFEST}),
        ("pyproject.toml", {K.DATA, K.DEPENDENCY_MANIFEST}),
        ("requirements/dev.txt", {K.DATA, K.DEPENDENCY_MANIFEST}),
        ("requirements.lock", {K.LOCK_FILE}),
        ("web/package-lock.json", {K.LOCK_FILE}),
        ("uv.lock", {K.LOCK_FILE}),
        (".env", {K.DATA, K.ENV_CONFIG}),
        (".env.production", {K.ENV_CONFIG}),
        (".env.example", set()),
        ("src/environment.py", {K.SOURCE}),
        ("src/_vendor/login.py", {K.SOURCE, K.VENDORED}),
        ("api/user_pb2.py", {K.SOURCE, K.GENERATED}),
        ("web/jquery.min.js", {K.SOURCE, K.GENERATED}),
        ("", set()),
    ],
)
def test_a_path_is_of_exactly_these_kinds(path: str, expected: set[PathKind]) -> None:
    assert kinds(path) == expected
    assert is_test(path) == (K.TEST in expected)


@given(st.text(max_size=200))
def test_any_text_is_a_path(path: str) -> None:
    assert isinstance(kinds(path), frozenset)
    assert is_test(path) == (K.TEST in kinds(path))


@given(st.lists(st.sampled_from(["src", "auth", "tests", "docs", "x.py", "0001.sql", "README", ".env"]), min_size=1))
def test_prose_and_locks_are_never_product_code(parts: list[str]) -> None:
    found = kinds("/".join(parts))
    if K.DOCS in found:
        assert not found & {K.SOURCE, K.AUTH, K.MIGRATION}
