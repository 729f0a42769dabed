"""Importing a library without others that it names and that nothing here uses.

Some import at their top what a single function of theirs needs, and nobody here calls it. The image leaves the largest
of these out (converter_image/unneeded.toml), and where they are installed they would cost time and memory.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import NoReturn


class StandIn(ModuleType):
    """A module that can be imported; whoever uses it learns why it has nothing in it."""

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse what is not there."""
        raise AttributeError(
            f"{self.__name__}.{name} is needed, but an empty module stands in for {self.__name__}, which the converter"
            " is made without (tflite_converter.core.stand_ins)"
        )


@contextmanager
def in_place_of(*unused: str, absent: tuple[str, ...] = ()) -> Iterator[None]:
    """Have empty modules imported in the place of some, and others not found, until the end of `with`.

    Args:
        unused: modules that are imported in any case, and used only by what nobody here calls; parents come first.
        absent: modules without which the importing library goes on.
    """
    before = {name: sys.modules[name] for name in (*unused, *absent) if name in sys.modules}
    for name in unused:
        sys.modules[name] = StandIn(name)
        parent, _, child = name.rpartition(".")
        if isinstance(sys.modules.get(parent), StandIn):
            # As Python does with a module that it has imported.
            setattr(sys.modules[parent], child, sys.modules[name])
    for name in absent:
        # How Python marks what cannot be imported.
        sys.modules[name] = None  # type: ignore[assignment] # see above
    try:
        yield
    finally:
        for name in (*unused, *absent):
            sys.modules.pop(name, None)
        sys.modules.update(before)
