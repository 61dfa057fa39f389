"""Stage 12: what each container may do, as reported by the engine and the kernel."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.stack.hardened import containers, first_process, processes
from tests.stack.support import CommandFailed, Stack, docker, request, wait_for

# The one that is no service: a job, which must stay ended.
JOBS = {"migrate"}
# Seconds, at least, until a container that does not stop is killed; Docker's own are ten.
GRACE = {"db": 60, "prometheus": 60, "api": 30, "worker": 30, "redis": 30, "nginx": 15}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(up=("--wait",)) as stack:
        yield stack


@pytest.fixture(scope="module")
def found(stack: Stack) -> dict[str, dict[str, Any]]:
    found = containers(stack)
    config = stack.run("config", "--services").split()
    assert sorted(found) == sorted(config), "every service has a container"
    return found


def test_nothing_of_an_image_can_be_changed(found: dict[str, dict[str, Any]]) -> None:
    writable = [name for name, each in found.items() if not each["HostConfig"]["ReadonlyRootfs"]]
    assert writable == []
    for name, each in found.items():
        binds = [mount for mount in each["Mounts"] if mount["Type"] == "bind"]
        assert not any(mount["RW"] for mount in binds), name
        # A folder in memory without a size limit would get around the memory limit.
        assert all(
            "size=" in options for options in (each["HostConfig"].get("Tmpfs") or {}).values()
        )


def test_no_container_has_capabilities_or_a_way_to_get_them(
    found: dict[str, dict[str, Any]],
) -> None:
    for name, each in found.items():
        host = each["HostConfig"]
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"], name
        assert host["Privileged"] is False, name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert not any("unconfined" in option for option in host["SecurityOpt"]), name
        assert "host" not in {host[mode] for mode in ("NetworkMode", "PidMode", "IpcMode")}, name
        assert not any("docker.sock" in mount["Source"] for mount in each["Mounts"]), name


def test_no_process_runs_as_root_or_has_capabilities(found: dict[str, dict[str, Any]]) -> None:
    for name, each in found.items():
        assert each["Config"]["User"] not in ("", "0", "root"), name
        if not each["State"]["Running"]:
            continue
        status = first_process(each["Id"])
        assert "0" not in status["Uid"].split(), name
        assert "0" not in status["Gid"].split(), name
        rights = [int(status[kind], 16) for kind in ("CapPrm", "CapEff", "CapBnd", "CapAmb")]
        assert rights == [0, 0, 0, 0], name
        assert status["NoNewPrivs"] == "1", name
        # 2: the engine's list of system calls is in force.
        assert status["Seccomp"] == "2", name


def test_each_container_has_limits_of_memory_processors_and_processes(
    found: dict[str, dict[str, Any]],
) -> None:
    for name, each in found.items():
        host = each["HostConfig"]
        assert 0 < host["Memory"] <= 1 << 30, name
        # No more than one core: Docker refuses more than the machine has.
        assert 0 < host["NanoCpus"] <= 1_000_000_000, name
        assert 0 < host["PidsLimit"] <= 256, name


def test_the_limits_are_those_of_the_control_group(
    stack: Stack, found: dict[str, dict[str, Any]]
) -> None:
    for controller, newer, setting in (
        ("memory/memory.limit_in_bytes", "memory.max", "Memory"),
        ("pids/pids.max", "pids.max", "PidsLimit"),
    ):
        script = f"cd /sys/fs/cgroup && cat {newer} 2>/dev/null || cat {controller}"
        limit = stack.run("exec", "-T", "api", "sh", "-c", script).strip()
        assert int(limit) == found["api"]["HostConfig"][setting]


def test_services_restart_and_a_job_does_not(found: dict[str, dict[str, Any]]) -> None:
    policies = {
        name: each["HostConfig"]["RestartPolicy"]["Name"]
        for name, each in found.items()
        if name not in JOBS
    }
    assert set(policies.values()) == {"unless-stopped"}
    assert found["migrate"]["HostConfig"]["RestartPolicy"]["Name"] == "no"


def test_slow_services_get_a_longer_stop_timeout(found: dict[str, dict[str, Any]]) -> None:
    graces = {name: found[name]["Config"].get("StopTimeout") or 10 for name in GRACE}
    assert {name for name, seconds in GRACE.items() if graces[name] < seconds} == set()


@pytest.mark.parametrize("service", ["api", "worker", "beat"])
def test_a_process_that_has_lost_its_parent_is_collected(
    found: dict[str, dict[str, Any]], stack: Stack, service: str
) -> None:
    container = found[service]["Id"]
    assert processes(container, "comm").splitlines().count("tini") == 1

    stack.run("exec", "-T", service, "sh", "-c", "sleep 0.1 >/dev/null 2>&1 &")

    # Otherwise it would stay forever as a zombie.
    wait_for(lambda: "sleep" not in processes(container, "comm"), what="it to be gone")


def test_the_logs_of_all_containers_are_limited(found: dict[str, dict[str, Any]]) -> None:
    options = [each["HostConfig"]["LogConfig"]["Config"] for each in found.values()]
    assert all({"max-size", "max-file"} <= set(each) for each in options)


def test_an_intruder_cannot_write_and_run_a_program(stack: Stack) -> None:
    for service, path in (
        ("api", "/srv/app/main.py"),
        ("worker", "/opt/venv/x"),
        ("db", "/usr/local/bin/x"),
        ("redis", "/usr/local/bin/x"),
        ("nginx", "/etc/nginx/x"),
    ):
        with pytest.raises(CommandFailed, match="Read-only file system"):
            # Not even root, who is not there unless the engine is asked for it.
            stack.run("exec", "-T", "--user", "root", service, "sh", "-c", f": >>{path}")
    # Memory is for data: what is written there is not run.
    script = "printf '#!/bin/sh\\n' >/tmp/x && chmod +x /tmp/x && /tmp/x"
    with pytest.raises(CommandFailed, match="Permission denied"):
        stack.run("exec", "-T", "api", "sh", "-c", script)


def test_a_process_over_the_memory_limit_is_killed_alone(stack: Stack) -> None:
    [api] = stack.containers("api")
    limit = int(docker("inspect", "--format", "{{.HostConfig.Memory}}", api))

    # Not swapped out for minutes, and not the API itself: the largest process goes.
    script = f"held = [b'x' * (1 << 20) for _ in range({limit >> 18})]"
    with pytest.raises(CommandFailed, match="137"):
        stack.run("exec", "-T", "api", "python", "-c", script)

    assert request(stack.url("/health")).status == 200


def test_the_number_of_processes_is_limited(stack: Stack) -> None:
    script = (
        "import subprocess, sys\n"
        "held = []\n"
        "try:\n"
        "    for _ in range(300):\n"
        "        held.append(subprocess.Popen(['sleep', '60']))\n"
        "except OSError as error:\n"
        "    print(len(held) < 128, error.strerror)\n"
        "for each in held:\n"
        "    each.kill()\n"
    )
    assert "True Resource temporarily unavailable" in stack.run(
        "exec", "-T", "api", "python", "-c", script
    )
    assert request(stack.url("/health")).status == 200
