"""What an attacker with the operator's account would change in a Job to use entries of Secrets that are no key."""

from collections.abc import Callable
from typing import Any

Job = dict[str, Any]


def _variables(job: Job, step: str = "publish") -> list[dict[str, Any]]:
    pod = job["spec"]["template"]["spec"]
    found: list[dict[str, Any]] = next(
        one["env"] for one in [*pod.get("initContainers", []), *pod["containers"]] if one["name"] == step
    )
    return found


def _set(job: Job, name: str, secret: str, key: str, **more: Any) -> None:
    """Put an entry of a Secret in the place of the variable that there is."""
    variables = _variables(job)
    variables[:] = [one for one in variables if one["name"] != name]
    variables.append({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key, **more}}})


def any_entry_as_the_id(job: Job) -> None:
    _set(job, "AWS_ACCESS_KEY_ID", "victim", "username")


def any_entry_as_the_secret_key(job: Job) -> None:
    _set(job, "AWS_SECRET_ACCESS_KEY", "s3", "password")


def the_secret_key_as_the_id(job: Job) -> None:
    _set(job, "AWS_ACCESS_KEY_ID", "victim", "rootPassword")


def another_pairs_secret_key(job: Job) -> None:
    _set(job, "AWS_ACCESS_KEY_ID", "victim", "rootUser")
    _set(job, "AWS_SECRET_ACCESS_KEY", "victim", "secret_key")


def another_secrets_secret_key(job: Job) -> None:
    _set(job, "AWS_ACCESS_KEY_ID", "victim", "rootUser")
    _set(job, "AWS_SECRET_ACCESS_KEY", "other", "rootPassword")


def a_pair_of_which_one_may_be_absent(job: Job) -> None:
    _set(job, "AWS_ACCESS_KEY_ID", "victim", "access_key", optional=True)
    _set(job, "AWS_SECRET_ACCESS_KEY", "victim", "secret_key")


def a_secret_key_that_may_be_absent(job: Job) -> None:
    _set(job, "AWS_ACCESS_KEY_ID", "victim", "access_key")
    _set(job, "AWS_SECRET_ACCESS_KEY", "victim", "secret_key", optional=True)


def any_entry_as_the_token(job: Job) -> None:
    _set(job, "AWS_SESSION_TOKEN", "victim", "token", optional=True)


def another_secrets_token(job: Job) -> None:
    _set(job, "AWS_SESSION_TOKEN", "other", "AWS_SESSION_TOKEN", optional=True)


def the_models_key_in_publish(job: Job) -> None:
    _set(job, "MODEL_AWS_ACCESS_KEY_ID", "victim", "AWS_ACCESS_KEY_ID")


def any_entry_as_kaggles(job: Job) -> None:
    _variables(job, "prepare").append(
        {"name": "KAGGLE_KEY", "valueFrom": {"secretKeyRef": {"name": "victim", "key": "rootPassword"}}}
    )


STOLEN_KEYS: list[Callable[[Job], None]] = [
    any_entry_as_the_id,
    any_entry_as_the_secret_key,
    the_secret_key_as_the_id,
    another_pairs_secret_key,
    another_secrets_secret_key,
    a_pair_of_which_one_may_be_absent,
    a_secret_key_that_may_be_absent,
    any_entry_as_the_token,
    another_secrets_token,
    the_models_key_in_publish,
    any_entry_as_kaggles,
]
