"""`python -m dev VERB`: what the Makefile calls."""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable

from dev.building import binaries, images
from dev.cluster import delivery, environment, status, target
from dev.cluster.lifecycle import Cluster
from dev.daemons import storage
from dev.daemons.node import BrokenStoreError, Node
from dev.host import cleaning, lock, prerequisites
from dev.host.background import Background
from dev.host.checkout import Checkout
from dev.host.errors import DevError
from dev.host.progress import say, step


def up(checkout: Checkout, with_images: bool) -> None:
    """Bring everything up; what takes long side by side."""
    prerequisites.ensure(checkout)
    cluster = Cluster(checkout)
    with lock.of_checkout(checkout), step("up"):
        built = Background(lambda: images.make(checkout)) if with_images else None
        binaries.make(checkout)
        try:
            _start(checkout, cluster, built)
        except BrokenStoreError as error:
            say(f"{error}\nstarting again with an empty image store")
            cluster.forget_images()
            _start(checkout, cluster, built)


def build(checkout: Checkout) -> None:
    """Build what the cluster of this checkout is made of, unless another one is to be used; no Python is needed yet."""
    try:
        chosen = target.decide(os.environ, checkout.cache)
    except DevError:
        # Whoever needs to know whose cluster is used asks for it, and is told.
        return
    if isinstance(chosen, target.Own):
        prerequisites.ensure(checkout)
        with lock.of_checkout(checkout):
            built = Background(lambda: images.make(checkout))
            binaries.make(checkout)
            built.wait()


def build_for_tests(checkout: Checkout) -> None:
    """Build the programs that tests use beside the cluster."""
    prerequisites.ensure(checkout)
    binaries.make_tools(checkout)


def _start(checkout: Checkout, cluster: Cluster, built: Background | None) -> None:
    cluster.up()
    if built is not None:
        built.wait()
        delivery.deliver(checkout, Node(cluster.running()[1]))


def down(checkout: Checkout) -> None:
    """Stop everything."""
    with lock.of_checkout(checkout), step("down"):
        Cluster(checkout).down()


def clean(checkout: Checkout) -> None:
    """Stop everything and remove all that was made."""
    with lock.of_checkout(checkout):
        Cluster(checkout).down()
        cleaning.clean(checkout)


def build_images(checkout: Checkout) -> None:
    """Build the images, and give them to the cluster where one runs."""
    prerequisites.ensure(checkout)
    with lock.of_checkout(checkout):
        images.make(checkout)
        try:
            _, inside = Cluster(checkout).running()
        except DevError:
            return
        try:
            delivery.deliver(checkout, Node(inside))
        except BrokenStoreError as error:
            raise DevError(f"{error}\nrun make up, which starts the cluster again with an empty image store") from error


def build_gitops(checkout: Checkout) -> None:
    """Build what only the tests with Flux and Argo CD use: it takes longer than a test may."""
    prerequisites.ensure(checkout)
    for build in binaries.gitops():
        binaries.make_tool(checkout, build.name)


def print_environment(checkout: Checkout) -> None:
    """Print the shell variables."""
    now, _ = Cluster(checkout).running()
    values = environment.variables(checkout, now.addresses, storage.read_keys(checkout), os.environ["PATH"])
    sys.stdout.write(environment.as_shell(values))


def print_target(checkout: Checkout) -> None:
    """Print `own` or `given`: whose cluster the demo and the tests use."""
    chosen = target.decide(os.environ, checkout.cache)
    sys.stdout.write("own\n" if isinstance(chosen, target.Own) else "given\n")


def switch(checkout: Checkout, daemon: str, action: str) -> None:
    """Stop or start one server, as an outage would."""
    cluster = Cluster(checkout)
    with lock.of_checkout(checkout):
        (cluster.start if action == "start" else cluster.stop)(daemon)


def run(what: str, command: list[str]) -> None:
    """Run a command, and say what it is for, how long it took last time, and how long it took.

    Raises:
        DevError: it failed.
    """
    with step(what):
        ended = subprocess.run(command, check=False)
        if ended.returncode:
            raise DevError(f"{what}: failed, exit code {ended.returncode}")


def main(arguments: list[str]) -> int:
    """Run one verb."""
    given = _parser().parse_args(arguments)
    checkout = Checkout.here()
    verbs: dict[str, Callable[[], None]] = {
        "up": lambda: up(checkout, not given.without_images),
        "down": lambda: down(checkout),
        "clean": lambda: clean(checkout),
        "build": lambda: build(checkout),
        "test-programs": lambda: build_for_tests(checkout),
        "images": lambda: build_images(checkout),
        "gitops": lambda: build_gitops(checkout),
        "env": lambda: print_environment(checkout),
        "target": lambda: print_target(checkout),
        "status": lambda: print(status.text(checkout), end=""),
        "s3": lambda: switch(checkout, "s3", given.action),
        "hub": lambda: switch(checkout, "hub", given.action),
        "run": lambda: run(given.what, given.command),
    }
    try:
        verbs[given.verb]()
    except DevError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted; running it again goes on from here")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dev", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    bring_up = verbs.add_parser("up", help="bring up the cluster, S3 and the Hub, and build the images")
    bring_up.add_argument("--without-images", action="store_true", help="leave the project's images out")
    verbs.add_parser("down", help="stop everything")
    verbs.add_parser("clean", help="stop everything and remove .cache")
    verbs.add_parser("build", help="build what the cluster is made of, and the images, and start nothing")
    verbs.add_parser("test-programs", help="build the programs that tests use beside the cluster")
    verbs.add_parser("images", help="build the images and give them to a running cluster")
    verbs.add_parser("gitops", help="build Flux's controllers and what compares as Argo CD does")
    verbs.add_parser("env", help="print shell variables for eval")
    verbs.add_parser("target", help="print whether the own cluster or a given one is used")
    verbs.add_parser("status", help="show what runs")
    for name in ("s3", "hub"):
        switched = verbs.add_parser(name, help=f"stop or start the {name} server alone, as an outage would")
        switched.add_argument("action", choices=("start", "stop"))
    ran = verbs.add_parser("run", help="run a command, and say how long it took last time and this time")
    ran.add_argument("what", help="what it is for")
    ran.add_argument("command", nargs="+", help="after --")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
