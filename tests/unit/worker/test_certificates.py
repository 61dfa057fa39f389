"""Certificates' expiry dates in the metrics."""

from prometheus_client import REGISTRY

from worker.certificates import Certificates


def shown(monitor_id: int) -> float | None:
    labels = {"monitor_id": str(monitor_id)}
    return REGISTRY.get_sample_value("stagewatch_certificate_expiry_timestamp_seconds", labels)


def test_the_last_date_counts_and_a_check_without_one_changes_nothing() -> None:
    certificates = Certificates(limit=10)

    for expires in (1000.0, 2000.0, None):
        certificates.note(901, expires)

    assert shown(901) == 2000


def test_no_more_monitors_than_the_limit_are_shown() -> None:
    certificates = Certificates(limit=1)

    certificates.note(902, 1000.0)
    certificates.note(903, 1000.0)
    certificates.note(902, 3000.0)

    assert (shown(902), shown(903)) == (3000, None)
