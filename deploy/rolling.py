"""Brings a release into a running stack: `make deploy`, or `python3 -m deploy.rolling`.

In this order, so that what is wrong with the new release is seen while the old one does the work:

1. Migrations. They only add, so the old release works with them.
2. A trial: a container of the API that nobody but this program reaches.
3. New workers and a new container of the API, beside the old ones, until they are healthy.
4. The old ones are stopped, one by one: they finish what they have begun.
5. Beat, of which there is one, and Nginx's configuration.

Run again after it was killed, it goes on from what it finds.
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

# Seconds until Nginx has forgotten the address of a container that is gone: it asks for the name
# every second, and two that do not answer are one too many (proxy_next_upstream_tries).
FORGOTTEN_SECONDS = 3
# What the image's entry point does before it starts Nginx, without what starts something itself.
READ_ANEW = """
for script in /docker-entrypoint.d/[0-2]*.sh; do "$script" || exit; done
nginx -t && nginx -s reload
"""


def deploy(project: Project, *, image: str | None, patience: float) -> None:
    """Put a release in the place of the one that runs. Raises Failed; the old one goes on then.

    `image`: its name, or None to build it from this folder. `patience`: seconds for a new container
    to be healthy.
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
        say("nothing runs yet: starting everything")
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
            # What was built has taken its name, and whoever starts a container now would get that.
            docker("tag", image_id, project.config()["services"]["api"]["image"])
        raise
    for old in serving:
        say(f"stopping {old.name}: it answers what has reached it, and Nginx asks the new one")
        _remove([old.id])
        time.sleep(FORGOTTEN_SECONDS)
    if workers:
        names = ", ".join(old.name for old in workers)
        say(f"stopping {names}: checks under way are finished, the others given back")
        _remove([old.id for old in workers])
    say("beat")
    try:
        project.run("up", "--detach", "--no-deps", "--no-build", "--wait", "beat")
        _reload_nginx(project)
    except Failed as failed:
        raise Failed(f"not completely: API and workers are replaced, but then: {failed}") from None
    say("done")


def _get(image: str) -> None:
    """Have an image on this machine. A tag of a registry may have moved, a digest can't."""
    try:
        docker("image", "inspect", image)
        if "/" not in image or "@" in image:
            return
    except Failed:
        # It is not here; if Docker has another trouble, the pull says so.
        pass
    say(f"getting {image}")
    docker("pull", "--quiet", image)


def _add(project: Project, service: str, added: list[str], patience: float) -> list[Container]:
    """Start as many new containers of a service as there are old ones; return the old ones.

    All are healthy then. The ids of new ones go to `added`. Raises Failed.
    """
    release = project.release(service)
    found = project.containers(service)
    # Compose would start these again.
    _remove([each.id for each in found if not each.running])
    running = [each for each in found if each.running]
    releases = Counter(each.release for each in running)
    new = [each for each in running if each.release == release]
    old = [each for each in running if each.release != release]
    known = {each.id for each in running}
    if old:
        # Of a run that was killed.
        added += [each.id for each in new]
    # One by one: the name of the API stands for a new container before it listens, and Nginx tries
    # two addresses for a request.
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
    """Stop containers, within the time that their service gives them, and remove them."""
    if ids:
        docker("stop", *ids)
        docker("rm", "--force", *ids)


def _reload_nginx(project: Project) -> None:
    """Have Nginx read its configuration anew if it has changed; its connections go on."""
    for nginx in project.containers("nginx"):
        if nginx.release != project.release("nginx"):
            say(
                "Nginx's container differs from its file, and is left as it is: in a quiet moment, "
                "docker compose up --detach --no-deps nginx, which cuts connections"
            )
            return
        # Made from the templates when it started, or here.
        made = int(docker("exec", nginx.id, "stat", "-c", "%Y", "/etc/nginx/conf.d/default.conf"))
        changed = max(path.stat().st_mtime for path in (ROOT / "nginx").rglob("*"))
        if changed < made:
            continue
        say("Nginx reads its configuration anew")
        docker("exec", nginx.id, "sh", "-c", READ_ANEW)


def main() -> int:
    parser = argparse.ArgumentParser(description="Bring a release into the running stack.")
    parser.add_argument("--image", help="default: the one that is kept, or one that is built here")
    parser.add_argument(
        "--keep", action="store_true", help="take its name from compose/.env, and keep it there"
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
