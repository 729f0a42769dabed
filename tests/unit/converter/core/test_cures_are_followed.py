"""Every cure that a message can name is followed by a test, or it is said here why none can."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[4]
SOURCES: Final = ROOT / "converter_image/tflite_converter"
TESTS: Final = ROOT / "tests/unit/converter"
ALSO: Final = (
    "convert/refused/test_causes.py",
    "convert/rewriting/test_loops.py",
    "fetch/network/test_authorities_of_a_server.py",
)
"""Modules that follow cures beside what they are named for; the others have `followed` in their names."""
_SHORTEST: Final = 8
"""Characters of a cure that tell it from others."""
_TELLING: Final = 24
"""The same of a part of one, beside which something stands that is put in."""
_BETWEEN: Final = "…"
"""In the place of what is put in."""
_PUT_IN: Final = re.compile(r"\{(?:hint|field|address)\}")
"""The same in words for str.format."""

_BY_A_SERVER: Final = (
    "a server that answers so is needed: what its answers mean is in storage/test_recorded_answers.py and"
    " steps/store/test_destination.py, and tests/e2e/storage has real ones"
)
LEFT: Final[Mapping[str, str]] = {
    "Do not trust": "there is nothing to follow",
    "The model interferes with its conversion": "there is nothing to follow",
    ", which measures no activations": "no model is known whose calibration ends its process",
    "set destination.s3.roleARN": _BY_A_SERVER,
    "write that in ….endpoint": _BY_A_SERVER,
    "set ….addressingStyle": _BY_A_SERVER,
    "have the administrator add that authority": "Google's and Kaggle's servers have no other in a test",
    "Have the trust policy": _BY_A_SERVER,
    "or other shapes in signature.inputs": "no model is known that a kernel turns away so, but by its name",
    "raise spec.stepResources": "a container with less memory than its step takes is needed",
    "use a machine with more": "the same of a machine",
    "set CONVERTER_HTTPS_PROXY": _BY_A_SERVER,
    "find out what answers in its place": _BY_A_SERVER,
    "Find out what changes it": _BY_A_SERVER,
    "Correct the permissions of its role": _BY_A_SERVER,
    "kms:GenerateDataKey": _BY_A_SERVER,
}
"""Parts of cures that no test here follows, and why."""


@dataclass(frozen=True)
class Written:
    """Words of a cure, as they are written in the source."""

    file: str
    line: int
    words: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.words[:50]}"


class _Module:
    """One module's cures."""

    def __init__(self, file: Path) -> None:
        self.name = str(file.relative_to(SOURCES))
        self.tree = ast.parse(file.read_text())
        self.functions = {each.name: each for each in ast.walk(self.tree) if isinstance(each, ast.FunctionDef)}
        self.constants = {
            target.id: each.value
            for each in self.tree.body
            if isinstance(each, ast.AnnAssign | ast.Assign) and each.value is not None
            for target in ([each.target] if isinstance(each, ast.AnnAssign) else each.targets)
            if isinstance(target, ast.Name)
        }

    def cures(self) -> Iterator[Written]:
        for function in self.functions.values():
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    for given in self._given(node):
                        yield from self._texts(given, function)
                if isinstance(node, ast.Assign):
                    for value in _assigned(node):
                        yield from self._texts(value, function)
        for name, value in self.constants.items():
            if "cure" in name.lower():
                yield from self._texts(value, None)

    def _given(self, call: ast.Call) -> Iterator[ast.expr]:
        """Yield the arguments of a call that are cures."""
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        place = 2 if name in {"StepFailure", "__init__", "refuse"} else None
        if place is None and (called := self.functions.get(name)) is not None:
            names = [one.arg for one in called.args.args]
            place = next((number for number, one in enumerate(names) if one == "cure"), None)
            place = None if place is None else place - (names[0] == "self")
        if place is not None and len(call.args) > place:
            yield call.args[place]
        yield from (keyword.value for keyword in call.keywords if keyword.arg == "cure")

    def _texts(self, given: ast.AST, within: ast.FunctionDef | None) -> Iterator[Written]:
        """Yield what an expression may come to, in words."""
        match given:
            case ast.Constant(value=str(text)):
                yield Written(self.name, given.lineno, _PUT_IN.sub(_BETWEEN, text))
            case ast.JoinedStr(values=parts):
                literal = [str(part.value) for part in parts if isinstance(part, ast.Constant)]
                yield Written(self.name, given.lineno, _BETWEEN.join(literal))
            case ast.Name(id=name) if name in self.constants:
                yield from self._texts(self.constants[name], within)
            case ast.Call(func=ast.Name(id=name)) if name in self.functions and within is not self.functions[name]:
                yield from self._returned(self.functions[name])
            case ast.IfExp(body=body, orelse=orelse):
                yield from self._texts(body, within)
                yield from self._texts(orelse, within)
            case ast.BinOp(left=left, right=right):
                yield from self._texts(left, within)
                yield from self._texts(right, within)
            case ast.BoolOp(values=values) | ast.Tuple(elts=values) | ast.Dict(values=values):
                for value in values:
                    yield from self._texts(value, within)
            case ast.Call(args=[ast.Dict() as entries]):
                yield from self._texts(entries, within)

    def _returned(self, function: ast.FunctionDef) -> Iterator[Written]:
        for node in ast.walk(function):
            if isinstance(node, ast.Return | ast.Yield) and node.value is not None:
                yield from self._texts(node.value, function)


def _assigned(node: ast.Assign) -> Iterator[ast.expr]:
    """Yield what is given a name of a cure."""
    for target in node.targets:
        if isinstance(target, ast.Name) and "cure" in target.id:
            yield node.value
        elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = zip(target.elts, node.value.elts, strict=True)
            yield from (value for name, value in pairs if isinstance(name, ast.Name) and "cure" in name.id)


def _written() -> list[Written]:
    found: dict[tuple[str, str], Written] = {}
    for file in sorted(SOURCES.rglob("*.py")):
        for each in _Module(file).cures():
            if len(each.words.strip()) >= _SHORTEST:
                found.setdefault((each.file, each.words), each)
    return list(found.values())


def _said() -> set[str]:
    """Return the texts of the modules that follow cures."""
    modules = [*TESTS.rglob("*followed_*.py"), *(TESTS / name for name in ALSO)]
    return {
        node.value.casefold()
        for module in modules
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) >= _SHORTEST
    }


WRITTEN: Final = _written()
SAID: Final = _said()


def is_followed(words: str) -> bool:
    parts = words.split(_BETWEEN)
    longest = max(parts, key=len)
    telling = [part.strip().casefold() for part in parts if part is longest or len(part) >= _TELLING]
    return any(part in said or (len(said) >= _TELLING and said in part) for said in SAID for part in telling)


def test_all_cures_are_seen() -> None:
    assert len(WRITTEN) > 150


@pytest.mark.parametrize("written", WRITTEN, ids=str)
def test_a_cure_is_followed_by_a_test(written: Written) -> None:
    why = next((why for words, why in LEFT.items() if words in written.words), None)
    if why is None:
        assert is_followed(written.words), "follow it where its package's test_followed_cures.py is, or say why not"
    else:
        assert not is_followed(written.words), "it is followed: take it out of those that are left"
