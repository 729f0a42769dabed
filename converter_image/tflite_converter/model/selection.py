"""What of a SavedModel is converted, and what speaks against it: decided on its proto, before anything of it runs."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from tflite_api.resource.spec import Signature
from tflite_converter.core.tensors import SignatureFacts
from tflite_converter.model import operations, signature
from tflite_converter.model.saved_model import MetaGraph
from tflite_converter.model.signature import Obstacle


def choose_graph(graphs: Sequence[MetaGraph], tags: Collection[str] | None) -> MetaGraph:
    """Choose the MetaGraph by its tags; None where the spec names none.

    Raises:
        StepFailure: TagsNotFound.
    """
    chosen = signature.choose_tags([graph.tags for graph in graphs], tags)
    return next(graph for graph in graphs if graph.tags == chosen)


def knows_its_inputs(graph: MetaGraph) -> bool:
    """Return whether the proto tells enough to refuse what does not fit before anything of the model is run."""
    tensors = [tensor for facts in graph.signatures.values() for tensor in facts.inputs]
    return bool(graph.signatures) and all(tensor.shape is not None for tensor in tensors)


def plan(graph: MetaGraph, available: Mapping[str, SignatureFacts], asked: Signature) -> tuple[SignatureFacts, ...]:
    """Choose the signatures to convert, with their pinned shapes.

    Args:
        graph: what the proto says.
        available: the signatures there are: those of the proto, or what was found by loading the model.
        asked: what the spec asks for.

    Raises:
        StepFailure: what the spec asks for is not in the model, or can surely not be converted.
    """
    chosen = signature.choose_signatures(available, asked, partial(_obstacle, graph))
    pinned = signature.pin_inputs(chosen, asked.inputs or ())
    for each in pinned:
        signature.check_types(each)
        operations.check_before_trying(graph.operations(each.key))
    return pinned


def _obstacle(graph: MetaGraph, facts: SignatureFacts) -> Obstacle | None:
    if foreign := signature.foreign_tensors(facts):
        return Obstacle(f"has {foreign[0]}", is_final=True)
    if not facts.outputs:
        return Obstacle("has no outputs", is_final=True)
    # The variables of TensorFlow 1 become constants.
    is_fixed = operations.assigns_state(graph.operations(facts.key)) and not graph.has_objects
    if not facts.inputs:
        return Obstacle("has no inputs", is_final=is_fixed)
    if operations.assigns_state(graph.operations(facts.key)):
        return Obstacle("changes the model's variables", is_final=is_fixed)
    return None
