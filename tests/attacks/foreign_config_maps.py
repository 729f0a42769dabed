"""What an attacker with the operator's account would change in a Job to use ConfigMaps that are no authorities."""

from collections.abc import Callable
from typing import Any

from tflite_api.authorities import CA_FILE, OF_DESTINATION, OF_MODEL

Job = dict[str, Any]

_ITEMS = [{"key": "program", "path": CA_FILE}]


def _mount(job: Job, name: str, source: dict[str, Any], path: str, step: str = "publish", **more: Any) -> None:
    pod = job["spec"]["template"]["spec"]
    pod["volumes"].append({"name": name, "configMap": {"name": "victim", **source}})
    container = next(one for one in [*pod["initContainers"], *pod["containers"]] if one["name"] == step)
    container["volumeMounts"].append({"name": name, "mountPath": path, **more})


def any_config_map(job: Job) -> None:
    _mount(job, "victim", {"items": _ITEMS}, "/etc/victim")


def a_whole_config_map(job: Job) -> None:
    _mount(job, OF_DESTINATION.name, {}, OF_DESTINATION.folder)


def two_entries(job: Job) -> None:
    _mount(job, OF_DESTINATION.name, {"items": [*_ITEMS, {"key": "a", "path": "a"}]}, OF_DESTINATION.folder)


def another_file(job: Job) -> None:
    _mount(job, OF_MODEL.name, {"items": [{"key": "program", "path": "site.py"}]}, OF_MODEL.folder)


def elsewhere(job: Job) -> None:
    _mount(job, OF_MODEL.name, {"items": _ITEMS}, "/usr/local/bin")


def in_the_place_of_a_program(job: Job) -> None:
    _mount(job, OF_MODEL.name, {"items": _ITEMS}, OF_MODEL.folder, subPath=CA_FILE)


def authorities_for_the_model(job: Job) -> None:
    _mount(job, OF_MODEL.name, {"items": _ITEMS}, OF_MODEL.folder, step="convert")


FOREIGN_CONFIG_MAPS: list[Callable[[Job], None]] = [
    any_config_map,
    a_whole_config_map,
    two_entries,
    another_file,
    elsewhere,
    in_the_place_of_a_program,
    authorities_for_the_model,
]
