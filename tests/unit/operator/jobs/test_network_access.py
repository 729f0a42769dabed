"""What the administrator gives the pods that convert for their way out, of which the model's container sees nothing."""

from typing import Any

import pytest
import yaml

from tests.unit.operator.builders import SPEC
from tests.unit.operator.jobs.test_job import JOBS, UID
from tflite_api.resource.spec import ConversionSpec
from tflite_operator.core.identity import Identity
from tflite_operator.jobs.attempt import Attempt
from tflite_operator.jobs.job import build_cleanup, build_job
from tflite_operator.settings import Settings, SettingsError

Object = dict[str, Any]

LEAST = {"CONVERTER_IMAGE": "example.com/converter:1", "CLUSTER_ID": "prod"}
IDENTITY = Identity("team", "a", UID, 1)
PROXY = {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}


def pods(**variables: str) -> list[Object]:
    """Return the specs of the pods that convert and that clean up, by the operator's environment."""
    settings = Settings.from_environment(LEAST | variables)
    spec = ConversionSpec.from_object(SPEC)
    made = [build_job(IDENTITY, spec, Attempt(1, 0), settings), build_cleanup(IDENTITY, spec, settings)]
    return [job["spec"]["template"]["spec"] for job in made]


def containers(pod: Object) -> dict[str, Object]:
    return {one["name"]: one for one in [*pod.get("initContainers", []), *pod["containers"]]}


def variables_of(container: Object) -> Object:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container["env"]}


def test_the_pods_are_as_written_down() -> None:
    """Beside everything.job.yaml, which holds the rest: only what the administrator's settings add."""
    [pod, _] = pods(
        CONVERTER_PULL_SECRETS="registry, mirror",
        CONVERTER_NO_PROXY=".svc,10.0.0.1",
        CONVERTER_PROXY_SECRET="proxy",
        CONVERTER_CA_CONFIG_MAP="authorities",
        CONVERTER_CA_KEY="bundle.pem",
    )
    [plain, _] = pods()
    added = {
        name: [one for one in container["env"] if one not in containers(plain)[name]["env"]]
        + [one for one in container["volumeMounts"] if one not in containers(plain)[name]["volumeMounts"]]
        for name, container in containers(pod).items()
    }
    found = {
        "imagePullSecrets": pod["imagePullSecrets"],
        "volumes": [one for one in pod["volumes"] if one not in plain["volumes"]],
        "added": added,
    }
    assert found == yaml.safe_load((JOBS / "network_access.yaml").read_text())


@pytest.mark.parametrize(
    "variables",
    [
        {"CONVERTER_HTTPS_PROXY": "http://proxy:3128", "CONVERTER_HTTP_PROXY": "http://proxy:3128"},
        {"CONVERTER_PROXY_SECRET": "proxy"},
    ],
)
def test_the_models_container_knows_of_no_proxy_and_no_authority(variables: dict[str, str]) -> None:
    for pod in pods(**variables, CONVERTER_NO_PROXY=".svc", CONVERTER_CA_CONFIG_MAP="authorities"):
        for name, container in containers(pod).items():
            has = PROXY & set(variables_of(container))
            mounted = "authorities" in {one["name"] for one in container["volumeMounts"]}
            assert (bool(has), mounted) == (name != "convert", name != "convert"), name
            assert has in (set(), PROXY)


def test_without_settings_there_is_nothing_of_it() -> None:
    for pod in pods():
        assert "imagePullSecrets" not in pod
        for container in containers(pod).values():
            assert not (PROXY | {"TFLITE_CA_BUNDLE"}) & set(variables_of(container))


def test_every_pod_pulls_with_the_secrets() -> None:
    names = [pod["imagePullSecrets"] for pod in pods(CONVERTER_PULL_SECRETS="registry")]
    assert names == [[{"name": "registry"}]] * 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"CONVERTER_HTTPS_PROXY": "http://me:hidden@proxy"}, ("CONVERTER_HTTPS_PROXY", "CONVERTER_PROXY_SECRET")),
        ({"CONVERTER_HTTP_PROXY": "socks5://proxy"}, ("CONVERTER_HTTP_PROXY", "http:// or https://")),
        ({"CONVERTER_HTTP_PROXY": "proxy:3128"}, ("CONVERTER_HTTP_PROXY", "http:// or https://")),
        (
            {"CONVERTER_HTTP_PROXY": "http://proxy", "CONVERTER_PROXY_SECRET": "proxy"},
            ("CONVERTER_PROXY_SECRET", "set it or them"),
        ),
        ({"CONVERTER_PULL_SECRETS": "registry,Not A Name"}, ("CONVERTER_PULL_SECRETS",)),
        ({"CONVERTER_CA_CONFIG_MAP": "Not A Name"}, ("CONVERTER_CA_CONFIG_MAP",)),
        ({"CONVERTER_CA_CONFIG_MAP": "a", "CONVERTER_CA_KEY": "../x"}, ("CONVERTER_CA_KEY",)),
    ],
)
def test_what_makes_no_sense_is_named_and_nothing_that_must_be_hidden_is_shown(
    given: dict[str, str], words: tuple[str, ...]
) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment(LEAST | given)
    assert [word for word in words if word not in str(raised.value)] == []
    assert "hidden" not in str(raised.value)
