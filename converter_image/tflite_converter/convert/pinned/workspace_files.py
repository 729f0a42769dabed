"""The names in a workspace, for those that look into it without running a model."""

from pathlib import Path
from typing import Final

KEPT_FILE: Final = "kept.json"
_SHAPES: Final = "shapes-"


def shapes_folder(workspace: Path, shapes: str) -> Path:
    """Return the folder of the model with certain shapes."""
    return workspace / f"{_SHAPES}{shapes}"


def was_run(workspace: Path) -> bool:
    """Return whether a trial got as far as to have run the model."""
    return any(workspace.glob(f"{_SHAPES}*/{KEPT_FILE}"))
