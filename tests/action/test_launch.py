"""What the launcher decides before anything is installed."""

import pytest

from launch.install import FLEET, LOCK, installer_environment, lock_for

SECRET = "postgresql://agent:" + "hunter2" + "@db.test/state"


@pytest.mark.parametrize(
    "told",
    [
        {"DATABASE_URL": SECRET},
        {"REDIS_URL": "redis://cache.test"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.test:4318"},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector.test:4318/v1/traces"},
        {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://collector.test:4318/v1/metrics"},
        {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://collector.test:4318/v1/logs"},
    ],
)
def test_a_job_with_a_database_a_cache_or_a_collector_gets_their_packages(told: dict[str, str]) -> None:
    assert lock_for(told) == FLEET


@pytest.mark.parametrize(
    "told", [{}, {"REDIS_URL": ""}, {"REDIS_URL": " off "}, {"OTEL_SERVICE_NAME": "ci"}, {"DATABASE_URL": "mysql://x"}]
)
def test_any_other_job_gets_what_every_run_needs_and_no_more(told: dict[str, str]) -> None:
    assert lock_for(told) == LOCK


def test_the_installer_is_told_nothing_of_the_database() -> None:
    assert SECRET not in installer_environment({"DATABASE_URL": SECRET, "PATH": "/bin"}).values()
