"""Rolls out a release to a running stack: `make deploy`, or `python3 -m deploy.rolling`.

In this order, so that problems of the new release are found while the old one still does the work:

1. Migrations. They only add, so the old release works with the new tables.
2. A trial: a container of the API that only this program can reach.
3. New workers and a new container of the API, beside the old ones, until they are healthy.
4. The old ones are stopped, one by one: they finish what they have begun.
5. Beat, which runs only once, and Nginx's configuration.

If it is killed, it can be run again, and continues from what it finds.
"""

import argparse
import os
import sys
import time
from collections import Counter

from deploy.compose import ROOT, Container, Failed, Project, alone, docker, from_environment, say
from deploy.newcomer import remove_trial, try_aside, until_healthy, until_nginx_asks
from deploy.variables import keep, variable

# Which image the stack runs (compose/11.yml).
IMAGE = "STAGEWATCH_IMAGE"

# Seconds until Nginx has dropped the address of a container that is gone: it resolves the name
# every second, and a request only tries two containers (proxy_next_upstream_tries).
FORGOTTEN_SECONDS = 3
# The entry point's steps before it starts Nginx, without those that start another process.
READ_ANEW = """
for script in /docker-entrypoint.d/[0-2]*.sh; do "$script" || exit; done
nginx -t && nginx -s reload
"""


def deploy(project: Project, *, image: str | None, patience: float) -> None:
    """Replace the running release. Raises Failed; before step 4 the old one then keeps running.

    `image`: its name, or None to build it from this folder. `patience`: seconds for a new container
    to become healthy.
    """
    if image is None:
        say("building the image")
        before = [each.release[0] for each in project.containers("api") if each.running]
        project.run("build", "migrate")
    else:
        before = []
        _get(image)
    remove_trial(project)
    if not any(each.running for each in project.containers("api")):
        say("nothing is running yet: starting everything")
        project.run("up", "--detach", "--wait", "--no-build")
        return
    added: list[str] = []
    try:
        say("migrating the database")
        project.run("run", "--rm", "--no-deps", "-T", "migrate")
        try_aside(project, patience)
        workers = _add(project, "worker", added, patience)
        serving = _add(project, "api", added, patience)
    except Failed:
        _remove(added)
        for image_id in before:
            # The new build has taken its name, from which new containers would now start.
            docker("tag", image_id, project.config()["services"]["api"]["image"])
        raise
    for old in serving:
        say(f"stopping {old.name}: it finishes its requests, and Nginx uses the new one")
        _remove([old.id])
        time.sleep(FORGOTTEN_SECONDS)
    if workers:
        names = ", ".join(old.name for old in workers)
        say(f"stopping {names}: checks in progress are finished, the others given back")
        _remove([old.id for old in workers])
    say("beat")
    try:
        project.run("up", "--detach", "--no-deps", "--no-build", "--wait", "beat")
        _reload_nginx(project)
    except Failed as failed:
        raise Failed(f"only partly: API and workers are replaced, but then: {failed}") from None
    say("done")


def _get(image: str) -> None:
    """Pull an image, unless it is here. A registry's tag may have moved, so it is always pulled."""
    try:
        docker("image", "inspect", image)
        if "/" not in image or "@" in image:
            return
    except Failed:
        # It is not here; if Docker has another problem, the pull will report it.
        pass
    say(f"pulling {image}")
    docker("pull", "--quiet", image)


def _add(project: Project, service: str, added: list[str], patience: float) -> list[Container]:
    """Start as many new containers of a service as there are old ones; return the old ones.

    The new ones are healthy by then, and their ids are appended to `added`. Raises Failed.
    """
    release = project.release(service)
    found = project.containers(service)
    # Compose would restart these.
    _remove([each.id for each in found if not each.running])
    running = [each for each in found if each.running]
    releases = Counter(each.release for each in running)
    new = [each for each in running if each.release == release]
    old = [each for each in running if each.release != release]
    known = {each.id for each in running}
    if old:
        # From a run that was killed.
        added += [each.id for each in new]
    # One at a time: the API's name resolves to a new container before it listens, and Nginx tries
    # only two addresses per request.
    for number in range(len(new), max(releases.values(), default=1)):
        scale = f"{service}={len(old) + number + 1}"
        say(f"starting the new release of {service}")
        project.run(
            *("up", "--detach", "--no-deps", "--no-build", "--no-recreate"),
            *("--scale", scale, service),
        )
        [begun] = [each for each in project.containers(service) if each.id not in known]
        known.add(begun.id)
        added.append(begun.id)
        new.append(begun)
    for each in new:
        until_healthy(each.name, patience)
        if service == "api":
            until_nginx_asks(project, each.name, patience)
    return old


def _remove(ids: list[str]) -> None:
    """Stop containers, within their service's grace period, and remove them."""
    if ids:
        docker("stop", *ids)
        docker("rm", "--force", *ids)


def _reload_nginx(project: Project) -> None:
    """Make Nginx reload its configuration if it has changed; connections stay open."""
    for nginx in project.containers("nginx"):
        if nginx.release != project.release("nginx"):
            say(
                "Nginx's container differs from its file, and is left unchanged: at a quiet time, "
                "run docker compose up --detach --no-deps nginx, which cuts connections"
            )
            return
        # Rendered from the templates when the container started, or by this function.
        made = int(docker("exec", nginx.id, "stat", "-c", "%Y", "/etc/nginx/conf.d/default.conf"))
        changed = max(path.stat().st_mtime for path in (ROOT / "nginx").rglob("*"))
        if changed < made:
            continue
        say("Nginx reloads its configuration")
        docker("exec", nginx.id, "sh", "-c", READ_ANEW)


def main() -> int:
    parser = argparse.ArgumentParser(description="Deploy a release to the running stack.")
    parser.add_argument("--image", help="default: the kept image, or one that is built here")
    parser.add_argument(
        "--keep", action="store_true", help="read its name from compose/.env, and store it there"
    )
    parser.add_argument(
        "--patience", type=float, default=120, help="seconds for a new container to be healthy"
    )
    arguments = parser.parse_args()
    image = arguments.image or (variable(IMAGE) if arguments.keep else os.environ.get(IMAGE))
    if image:
        os.environ[IMAGE] = image
    try:
        project = from_environment()
        with alone(project.name()):
            deploy(project, image=image, patience=arguments.patience)
            if image and arguments.keep:
                keep(IMAGE, image)
    except Failed as failed:
        say(f"NOT deployed: {failed}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
