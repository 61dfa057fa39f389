"""Alert rules: valid, tested, and explained."""

import re

from tests.stack.support import ROOT, docker

PROMTOOL = ("run", "--rm", "--volume", f"{ROOT}/monitoring:/monitoring:ro", "--entrypoint")


def promtool(*arguments: str) -> str:
    return docker(*PROMTOOL, "promtool", "prom/prometheus:v3.5.3", *arguments)


def alerts() -> set[str]:
    text = (ROOT / "monitoring/rules/stagewatch.yml").read_text()
    return set(re.findall(r"- alert: (\w+)", text))


def test_prometheus_takes_its_configuration() -> None:
    assert "SUCCESS" in promtool("check", "config", "/monitoring/prometheus.yml")


def test_alerts_fire_when_they_must_and_not_otherwise() -> None:
    assert "SUCCESS" in promtool("test", "rules", "/monitoring/tests/alerts.yml")


def test_every_alert_is_tested_and_has_a_section_in_the_runbooks() -> None:
    tests = (ROOT / "monitoring/tests/alerts.yml").read_text()
    runbooks = (ROOT / "docs/runbooks.md").read_text()

    for alert in alerts():
        assert f"alertname: {alert}\n        exp_alerts:\n" in tests, alert
        assert f"\n## {alert}\n" in runbooks, alert


def test_alertmanager_takes_its_configuration() -> None:
    volume = f"{ROOT}/monitoring/alertmanager.yml:/etc/alertmanager/alertmanager.yml:ro"
    image = ("--entrypoint", "amtool", "prom/alertmanager:v0.33.1")

    text = docker(
        "run", "--rm", "-v", volume, *image, "check-config", "/etc/alertmanager/alertmanager.yml"
    )

    assert "SUCCESS" in text
