"""Which files no model is shown: those that usually hold credentials, and what a team adds to them."""

from pathlib import Path

import pytest

from cicd_agent.settings.loader import load
from cicd_agent.settings.schema import DENY_PATHS, path_denier

HIDDEN = (
    *(".env", ".env.production", "config/.envrc", "deploy/prod.env", ".env.example"),
    *(".pypirc", "pkg/.npmrc", ".yarnrc.yml", ".netrc", "_netrc", ".git-credentials", ".pgpass", ".htpasswd"),
    *(".docker/config.json", "ci/.docker/config.json", ".dockercfg"),
    *("terraform.tfstate", "infra/terraform.tfstate.backup", "prod.tfvars", "prod.auto.tfvars.json"),
    *("kubeconfig", "ops/kubeconfig.yaml", "prod.kubeconfig", "home/.kube/config"),
    *("secrets.yml", "config/secrets.yaml", "k8s/app-secrets.yaml", "helm/secrets.yml"),
    *(".aws/credentials", "credentials.json", "service-account.json", "service_account_prod.json"),
    *("server.pem", "tls/server.key", "store.jks", "id_rsa", "id_ed25519.old", "db.kdbx", "vpn.ovpn"),
)
SHOWN = (
    *("src/secrets.py", "env.ts", "src/environment.ts", "environment.yml", "docs/credentials.md", "keys.py"),
    *("pkg/kubeconfig/loader.go", "kubeconfig.go", "src/credentials/store.go", "package.json", "tsconfig.json"),
    *("main.tf", "variables.tf", ".docker/nginx.conf", ".kube/deployment.yaml", ".aws/task-definition.json"),
    *("chart/templates/secrets.yaml", ".github/workflows/scan-secrets.yml", "locales/en/passwords.yml"),
)


def denied(path: str, text: str = "") -> bool:
    return path_denier(load({}, text).settings.deny_paths)(path)


@pytest.mark.parametrize("path", HIDDEN)
def test_files_that_usually_hold_credentials_are_hidden_in_any_case(path: str) -> None:
    assert [denied(each) for each in (path, path.upper(), path.title(), f"some/Where/{path}")] == [True] * 4


@pytest.mark.parametrize("path", SHOWN)
def test_code_of_such_a_name_is_shown(path: str) -> None:
    assert not denied(path)


@pytest.mark.parametrize("text", ["deny-paths: []", "deny-paths: [internal/**]", "deny-paths: ['**', '!src/**']"])
def test_a_list_adds_to_the_default_and_a_bang_in_it_opens_nothing_of_that(text: str) -> None:
    assert all(denied(path, text) for path in ("src/.env", "src/server.key", "SRC/.NPMRC"))


def test_what_a_list_names_is_hidden_in_any_case_as_well() -> None:
    text = "deny-paths: [Internal/**, '!internal/README.md']"
    assert [denied(path, text) for path in ("internal/a.py", "INTERNAL/a.py", "internal/readme.md", "src/a.py")] == [
        *(True, True, False, False)
    ]


def test_one_pattern_of_the_default_can_be_taken_out_by_its_name() -> None:
    text = "deny-paths: ['!*.key']"
    assert not denied("talks/slides.key", text)
    assert denied("server.pem", text)


def test_the_documents_list_all_of_them() -> None:
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "security-model.md").read_text("utf-8")
    assert [pattern for pattern in DENY_PATHS if f"`{pattern}`" not in page] == []
