"""What is wrong with the files of a SavedModel's variables: TensorFlow's own words name neither files nor cure."""

import re
from pathlib import Path
from typing import Final

from tflite_api.text import one_line

_PREFIX: Final = "variables/variables"
_INDEX: Final = f"{_PREFIX}.index"
_SHARD: Final = re.compile(r"variables\.data-\d{5}-of-(\d{5})")
CURE: Final = "upload or pack the whole SavedModel folder again"


def flaw(folder: Path) -> str | None:
    """Return what is wrong, for which CURE is the cure; None if every variable can be read."""
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    if not (folder / _INDEX).is_file():
        return f"its variables are missing, there is no file {_INDEX}"
    if (lacking := _lacking_shard(folder)) is not None:
        return f"its variables are missing, there is no file {lacking}"
    reading = "the list of them"
    try:
        variables = tf.train.load_checkpoint(str(folder / _PREFIX))
        for name in sorted(variables.get_variable_to_shape_map()):
            reading = name
            variables.get_tensor(name)
    except (MemoryError, tf.errors.ResourceExhaustedError):
        raise
    except Exception as error:  # noqa: BLE001 - every kind of damage has its own exception in TensorFlow
        words = one_line(str(error).replace(f"{folder}/", ""), 300)
        return f"its variables are damaged or cut off, {reading} cannot be read ({words})"
    return None


def _lacking_shard(folder: Path) -> str | None:
    """Name a file of values that is not there: each says in its name how many they are."""
    found = [match for file in folder.glob(f"{_PREFIX}.data-*") if (match := _SHARD.fullmatch(file.name))]
    count = int(found[0][1]) if found else 1
    wanted = (f"{_PREFIX}.data-{number:05}-of-{count:05}" for number in range(count))
    return next((name for name in wanted if not (folder / name).is_file()), None)
