"""The matrix products of a network from shapes alone: layers without codes, for machines that need no values."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from accelsim.layer import LayerShape
from accelsim.sources.eager import Eager


class _Known:
    """Tells the weights `state`, by name, by the memory that they stand in: on the meta device they have no address."""

    def __init__(self, state: dict[str, Any]) -> None:
        self._names = {tensor.untyped_storage()._cdata: name for name, tensor in state.items()}

    def find(self, tensor: Any) -> Any:
        from accelsim.sources.recording.weights import Identity

        name = self._names.get(tensor.untyped_storage()._cdata)
        place = (name, tensor.storage_offset(), tuple(tensor.shape), tensor.stride())
        return None if name is None else Identity(3, place, name)

    def repeated(self, tensor: Any) -> None:
        """Copies that broadcasting makes are not followed."""


def products(module: Any, inputs: tuple[Any, ...]) -> Counter[LayerShape]:
    """Run `module` on the meta device and return how often it computes a product of each shape.

    inputs: tensors (their values do not matter). A linear product that is computed several times with the same weight
    is one recurrent product; so are those of the inputs of LSTM, GRU and RNN, which PyTorch takes step by step on this
    device and all at once in a capture. Weights computed from parameters count as activations. Products that have no
    normal form (three-dimensional convolutions) are left out. Raises RuntimeError when the network must see values.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    from accelsim.sources.recording.operators import Role, role
    from accelsim.sources.recording.products import read

    state = {name: tensor.to("meta") for name, tensor in [*module.named_parameters(), *module.named_buffers()]}
    known: Any = _Known(state)
    calls: Counter[tuple[Any, LayerShape]] = Counter()
    normalisations = {torch.ops.aten.native_batch_norm, torch.ops.aten._native_batch_norm_legit_no_training}

    class Watch(Eager, TorchDispatchMode):
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            product = read(function, args, known) if role(function) is Role.PRODUCT else None
            if product is not None:
                calls[product.identity and product.identity.key, product.shape] += 1
            if function.overloadpacket in normalisations:  # as large as its input: working it out is slow
                none = args[0].new_empty(0)
                return torch.empty_like(args[0]), none, none
            return function(*args, **(kwargs or {}))

    given = tuple(tensor.to("meta") if isinstance(tensor, torch.Tensor) else tensor for tensor in inputs)
    was_training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        with torch.no_grad(), Watch():
            torch.func.functional_call(module, state, given)
    finally:
        for part in was_training:
            part.training = True
    found: Counter[LayerShape] = Counter()
    for (weight, shape), times in calls.items():
        if weight is not None and times > 1 and shape.kind == "linear":  # the same weight again and again
            found[replace(shape, kind="recurrent", steps=times)] += 1
        else:
            found[shape] += times
    return found
