"""`python -m dev VERB`: what the Makefile calls."""

import argparse
import os
import sys

from dev import binaries, environment, lock, storage
from dev.checkout import Checkout
from dev.cluster import Cluster
from dev.errors import DevError
from dev.progress import say, step


def main(arguments: list[str]) -> int:
    """Run one verb."""
    parser = argparse.ArgumentParser(prog="python -m dev", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name in ("up", "down", "env"):
        verbs.add_parser(name)
    for name in ("s3", "hub"):
        verbs.add_parser(name).add_argument("action", choices=("start", "stop"))
    given = parser.parse_args(arguments)
    checkout = Checkout.here()
    cluster = Cluster(checkout)
    try:
        if given.verb == "up":
            with lock.of_checkout(checkout), step("up"):
                binaries.make(checkout)
                cluster.up()
        elif given.verb == "down":
            with lock.of_checkout(checkout), step("down"):
                cluster.down()
        elif given.verb == "env":
            _env(checkout, cluster)
        else:
            with lock.of_checkout(checkout):
                (cluster.start if given.action == "start" else cluster.stop)(given.verb)
    except DevError as error:
        say(str(error))
        return 1
    return 0


def _env(checkout: Checkout, cluster: Cluster) -> None:
    now, _ = cluster.running()
    values = environment.variables(checkout, now.addresses, storage.read_keys(checkout), os.environ["PATH"])
    sys.stdout.write(environment.as_shell(values))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
