"""A SavedModel with only what some signatures need of it.

TensorFlow makes Python objects of every variable and function that it loads, whatever they are for: what saves and
restores, gradients, other signatures, the optimizer. Keras 3 exports each model with its variables twice, of which its
signatures use one. What is needed is often no more than a quarter of it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

_PROTO: Final = "saved_model.pb"
_LARGEST: Final = 64 * 2**20
"""Of the proto, in bytes: a larger one holds weights, and to write these again takes longer than what is saved."""
_SIGNATURES: Final = "signatures"
_BARE: Final = "bare_concrete_function"
_UNKNOWN: Final = "_generic_user_object"
"""How TensorFlow writes an object that it knows nothing of."""
_CONSTANT: Final = "tf.TrackableConstant"
Proto = Any
"""TensorFlow's protos have no types."""


def prune(folder: Path, keys: Collection[str], target: Path) -> bool:
    """Write what some signatures need of a SavedModel; return whether that is known.

    It is not where they use other things than variables and constants, such as tables, which functions fill.

    Args:
        folder: the SavedModel.
        keys: of its signatures.
        target: an empty folder; what is beside the graph is linked from there.
    """
    from tensorflow.core.protobuf import saved_model_pb2  # noqa: PLC0415 - takes seconds

    path = folder / _PROTO
    if not path.exists() or path.stat().st_size > _LARGEST:
        return False
    proto = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    if len(proto.meta_graphs) != 1 or not _prune(proto.meta_graphs[0], keys):
        return False
    (target / _PROTO).write_bytes(proto.SerializeToString())
    for entry in folder.iterdir():
        if entry.name != _PROTO:
            (target / entry.name).symlink_to(entry.absolute())
    return True


def _prune(meta: Proto, keys: Collection[str]) -> bool:
    nodes, library = meta.object_graph_def.nodes, meta.graph_def.library
    signatures = {key: node for key, node in _signatures(nodes) if key in keys}
    if signatures.keys() != set(keys):
        return False
    kept = _called_from(library, [_function_name(nodes[node]) for node in signatures.values()])
    declared = meta.object_graph_def.concrete_functions
    captured = {node for name in kept if name in declared for node in declared[name].bound_inputs}
    variables = {node for node in captured if _is_plain_variable(nodes[node])}
    constants = {node for node in captured if _is_plain_constant(nodes[node])}
    paths = _paths(nodes, variables)
    if not variables or captured != variables | constants or paths is None:
        return False
    _keep_objects(nodes, paths, {*signatures.values(), *captured})
    for name in [name for name in declared if name not in kept]:
        del declared[name]
    _keep(library.function, lambda function: function.signature.name in kept)
    del library.registered_gradients[:], library.gradient[:], meta.asset_file_def[:]
    operations = {nodes[node].constant.operation for node in constants}
    _keep(meta.graph_def.node, lambda node: node.name in operations)
    return True


def _signatures(nodes: Proto) -> Iterator[tuple[str, int]]:
    """Yield the signatures' keys with the numbers of their objects."""
    for child in nodes[0].children if nodes else ():
        if child.local_name == _SIGNATURES:
            for signature in nodes[child.node_id].children:
                if nodes[signature.node_id].WhichOneof("kind") == _BARE:
                    yield signature.local_name, signature.node_id


def _function_name(node: Proto) -> str:
    return str(node.bare_concrete_function.concrete_function_name)


def _called_from(library: Proto, roots: Iterable[str]) -> frozenset[str]:
    """Return the names of these functions and of all that they call."""
    functions = {function.signature.name: function for function in library.function}
    found, waiting = set[str](), list(roots)
    while waiting:
        name = waiting.pop()
        if name in functions and name not in found:
            found.add(name)
            for node in functions[name].node_def:
                waiting += _called(node)
    return frozenset(found)


def _called(node: Proto) -> Iterator[str]:
    yield node.op
    for value in node.attr.values():
        yield value.func.name
        yield from (function.name for function in value.list.func)


def _is_plain_variable(node: Proto) -> bool:
    is_special = node.registered_name or node.saveable_objects or node.dependencies
    is_distributed = node.variable.experimental_distributed_variable_components
    return node.WhichOneof("kind") == "variable" and not is_special and not is_distributed


def _is_plain_constant(node: Proto) -> bool:
    return node.WhichOneof("kind") == "constant" and node.registered_name in {"", _CONSTANT} and not node.dependencies


def _paths(nodes: Proto, variables: Collection[int]) -> Mapping[int, frozenset[int]] | None:
    """Return which children of which objects lead to variables; None where one is not to be reached.

    A checkpoint knows a variable by the names on any way to it.
    """
    parents = {0: 0}
    waiting = [0]
    for number in waiting:
        if nodes[number].WhichOneof("kind") != "user_object":
            continue
        for child in nodes[number].children:
            if child.node_id not in parents and not child.local_name.startswith("__"):
                parents[child.node_id] = number
                waiting.append(child.node_id)
    if not parents.keys() >= set(variables):
        return None
    leading = dict[int, set[int]]()
    for variable in variables:
        node = variable
        while node and node not in leading.setdefault(parents[node], set()):
            leading[parents[node]].add(node)
            node = parents[node]
    return {number: frozenset(children) for number, children in leading.items()}


def _keep_objects(nodes: Proto, paths: Mapping[int, frozenset[int]], kept: Collection[int]) -> None:
    """Make objects that hold nothing else of all others: their numbers are places in the list, which must stay."""
    maps = {child.node_id for child in nodes[0].children if child.local_name == _SIGNATURES}
    leading = {**paths, 0: paths.get(0, frozenset()) | maps}
    for number, node in enumerate(nodes):
        if number in maps:
            _keep(node.children, lambda child: child.node_id in kept)
        elif number not in kept:
            wanted = leading.get(number, frozenset())
            unknown = type(node)(children=[child for child in node.children if child.node_id in wanted])
            unknown.user_object.identifier = _UNKNOWN
            unknown.user_object.version.producer = unknown.user_object.version.min_consumer = 1
            node.CopyFrom(unknown)


def _keep(held: Proto, is_wanted: Callable[[Proto], bool]) -> None:
    wanted = [type(each).FromString(each.SerializeToString()) for each in held if is_wanted(each)]
    del held[:]
    held.extend(wanted)
