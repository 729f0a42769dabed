"""Watches the cluster during the whole run: no secret of the tests may be seen anywhere."""

import os
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.e2e.fixtures import environment

if TYPE_CHECKING:
    from tests.e2e.fixtures.witness import Witness

WITNESS: "pytest.StashKey[Witness]" = pytest.StashKey()
ON_CLUSTER = pytest.StashKey[int]()


def pytest_sessionstart(session: pytest.Session) -> None:
    # Where tests run in several processes, the one that hands them out watches for all.
    if hasattr(session.config, "workerinput") or session.config.option.collectonly or environment.missing(os.environ):
        return
    # Seconds to import, and tests without a cluster do not need it.
    from kubernetes import config

    from tests.e2e.fixtures import witness

    env = environment.from_variables()
    api = config.new_client_from_config(env.kubeconfig, context=env.context)
    session.config.stash[ON_CLUSTER] = 0
    watching = session.config.stash[WITNESS] = witness.Witness(api, witness.patterns([env.access_key, env.secret_key]))
    watching.start()


def pytest_sessionfinish(session: pytest.Session) -> None:
    watching = session.config.stash.get(WITNESS, None)
    if watching is None:
        return
    watching.stop()
    if complaint(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def complaint(settings: pytest.Config) -> str:
    """Return what is wrong with what the witness saw, or an empty string."""
    watching = settings.stash[WITNESS]
    if watching.found:
        places = "\n".join(f"  {where}: {words}" for where, words in watching.found.items())
        return f"a secret was seen in the cluster:\n{places}"
    if watching.broken:
        return f"the watch for secrets ended before the tests did:\n{watching.broken}"
    if settings.stash[ON_CLUSTER] and not watching.seen["pods"]:
        return f"tests ran on the cluster, and nothing was seen of it: {watching.problem}"
    return ""


class ClusterTests:
    """Counts the tests that used the cluster."""

    def __init__(self, settings: pytest.Config) -> None:
        self._settings = settings

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and ON_CLUSTER in self._settings.stash and "cluster" in report.keywords:
            self._settings.stash[ON_CLUSTER] += 1


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(ClusterTests(config))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    _say_how_to_run_alone(terminalreporter)
    watching = config.stash.get(WITNESS, None)
    if watching is None or not config.stash[ON_CLUSTER]:
        return
    terminalreporter.section("secrets")
    read = ", ".join(f"{number} {kind}" for kind, number in sorted(watching.seen.items()))
    terminalreporter.line(complaint(config) or f"none was seen in {read}", red=bool(complaint(config)))


def _say_how_to_run_alone(terminal: pytest.TerminalReporter) -> None:
    bad = [*terminal.getreports("failed"), *terminal.getreports("error")]
    if bad:
        terminal.section("to run one of them alone")
    for report in bad:
        if "cluster" in getattr(report, "keywords", ()):
            # make takes a dollar sign for a variable.
            terminal.line(f"make one TEST={shlex.quote(report.nodeid.replace('$', '$$'))}")
        else:
            terminal.line(f".cache/venv/bin/python -m pytest {shlex.quote(report.nodeid)}")
