"""The environment, read."""

import pytest

from tflite_operator.settings import Settings, SettingsError

LEAST = {"CONVERTER_IMAGE": "example.com/converter:1"}


def test_defaults() -> None:
    settings = Settings.from_environment(LEAST | {"PATH": "/bin", "WORKERS": ""})
    assert settings.watch_namespaces == ()
    assert settings.job_ttl_seconds == 3600
    assert not settings.limits.allow_local_addresses


def test_every_kind_of_variable_is_read_from_text() -> None:
    settings = Settings.from_environment(
        LEAST
        | {
            "WATCH_NAMESPACES": "a, b,",
            "RETRY_BASE_SECONDS": "0.5",
            "ALLOW_LOCAL_ADDRESSES": "true",
            "MAX_FILES": "7",
            "LOG_LEVEL": "debug",
        }
    )
    assert settings.watch_namespaces == ("a", "b")
    assert settings.retry_delay(2).total_seconds() == 1
    assert (settings.limits.max_files, settings.limits.allow_local_addresses) == (7, True)
    assert settings.log_level == "DEBUG"


def test_what_is_given_as_json_is_read_and_a_mistake_in_it_is_named() -> None:
    said = '{"publish": {"limits": {"cpu": 1}}}'
    settings = Settings.from_environment(LEAST | {"CONVERTER_RESOURCES": said})
    publish = settings.converter_resources.of("publish")
    assert publish is not None
    assert publish.to_object() == {"limits": {"cpu": 1}}
    assert settings.converter_resources.of("prepare") is None


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"CONVERTER_NODE_SELECTOR": '{"a b": ""}'}, "CONVERTER_NODE_SELECTOR.a b"),
        ({"CONVERTER_TOLERATIONS": '[{"operator": "Equal"}]'}, "CONVERTER_TOLERATIONS.0"),
        ({"CONVERTER_AFFINITY": '{"nodeAffinity": {"required": {}}}'}, "CONVERTER_AFFINITY.nodeAffinity.required"),
        ({"CONVERTER_POD_LABELS": '{"team": "a b"}'}, "CONVERTER_POD_LABELS.team"),
        (
            {"CONVERTER_POD_LABELS": '{"app.kubernetes.io/name": "a"}'},
            "CONVERTER_POD_LABELS: .*holds app.kubernetes.io/n",
        ),
        ({"CONVERTER_POD_ANNOTATIONS": '{"tflite-operator.dev/a": "a"}'}, "CONVERTER_POD_ANNOTATIONS: .*another key"),
        ({"CONVERTER_POD_ANNOTATIONS": "a=b"}, "CONVERTER_POD_ANNOTATIONS: .*must be JSON"),
        ({"CONVERTER_RUNTIME_CLASS_NAME": "a b"}, "CONVERTER_RUNTIME_CLASS_NAME"),
        ({"CONVERTER_RESOURCES": "{"}, "CONVERTER_RESOURCES: Value error, must be JSON"),
        ({"CONVERTER_RESOURCES": '{"publish": {"limits": {"cpu": "much"}}}'}, "CONVERTER_RESOURCES.publish.limits.cpu"),
        ({"CONVERTER_RESOURCES": '{"fetch": {}}'}, "CONVERTER_RESOURCES.fetch"),
        ({"CONVERTER_IMAGE": ""}, "CONVERTER_IMAGE"),
        ({"WORKERS": "0"}, "WORKERS"),
        ({"JOB_TTL_SECONDS": "soon"}, "JOB_TTL_SECONDS"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL"),
    ],
)
def test_a_wrong_variable_is_named(wrong: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        Settings.from_environment(LEAST | wrong)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"LEADER_ELECTION": "true"}, ("LEASE_NAMESPACE", "LEADER_ELECTION=false")),
        ({"LEASE_RENEW_SECONDS": "15"}, ("LEASE_RENEW_SECONDS: 15", "less than LEASE_DURATION_SECONDS (12)")),
        ({"LEASE_RETRY_SECONDS": "6"}, ("LEASE_RENEW_SECONDS: 8", "twice LEASE_RETRY_SECONDS (6)")),
        ({"LEASE_DURATION_SECONDS": "7.5"}, ("LEASE_DURATION_SECONDS: ",)),
    ],
)
def test_a_lease_that_could_be_held_twice_or_lost_for_nothing_is_refused(
    given: dict[str, str], words: tuple[str, ...]
) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment(LEAST | given)
    assert [word for word in words if word not in str(raised.value)] == []


def test_without_leader_election_there_is_no_lease() -> None:
    assert Settings.from_environment(LEAST).lease_terms is None


def test_a_cluster_has_the_id_that_it_is_given() -> None:
    assert Settings.from_environment(LEAST).cluster_id == ""
    assert Settings.from_environment(LEAST | {"CLUSTER_ID": "production-eu.1"}).cluster_id == "production-eu.1"


@pytest.mark.parametrize("wrong", ["Production", "-a", "a/b", "a" * 64, "unknown"])
def test_a_cluster_id_that_no_object_can_carry_is_refused(wrong: str) -> None:
    with pytest.raises(SettingsError, match="CLUSTER_ID"):
        Settings.from_environment(LEAST | {"CLUSTER_ID": wrong})


@pytest.mark.parametrize("named", ["http://me:[se.cret]@proxy:3128", "http://[se.cret", "http://proxy:se.cret"])
def test_nothing_of_a_proxy_that_is_no_address_is_told(named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({"CONVERTER_IMAGE": "image", "CONVERTER_HTTPS_PROXY": named})
    assert "CONVERTER_HTTPS_PROXY: " in str(caught.value)
    assert "cret" not in str(caught.value)
