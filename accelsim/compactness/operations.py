"""The operations of a network, found by running it on shapes alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accelsim.compactness.calls import Calls, Modules
from accelsim.compactness.operation import Operation
from accelsim.errors import InputError, first_line


@dataclass(frozen=True)
class Network:
    """What a network does on its input.

    steps: its input and operations, in order. learned: all its parameters; those that no operation reads (heads of
    training alone) belong to no step.
    """

    steps: list[Operation]
    learned: int

    @property
    def unused(self) -> int:
        """Parameters that no operation reads."""
        return self.learned - sum(step.parameters for step in self.steps)


def operations(module: Any, *inputs: Any) -> list[Operation]:
    """Run `module` in evaluation mode on the meta device and return its input and operations in order.

    What a function computes inside (torch.lstm, multi_head_attention_forward) is one operation with all its MACs.
    Raises InputError when the network does not fit the inputs, or must see values to go on.
    """
    return network(module, *inputs).steps


def network(module: Any, *inputs: Any) -> Network:
    """Return the operations of `module` (torch.nn.Module) on `inputs`, tensors or shapes, and its learned parameters.

    Raises InputError as `operations` does.
    """
    import torch
    from torch.overrides import TorchFunctionMode
    from torch.utils.flop_counter import FlopCounterMode

    learned = {name: parameter.to("meta") for name, parameter in module.named_parameters()}
    buffers = {name: buffer.to("meta") for name, buffer in module.named_buffers()}
    given = [torch.empty(i, device="meta") if isinstance(i, tuple) else i.to("meta") for i in inputs]
    modules = Modules()
    calls = Calls(torch.Tensor, modules, learned)

    class Watch(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            before = counter.get_total_flops()
            if (
                getattr(function, "__name__", "") == "batch_norm" and args
            ):  # as large as its input: working it out is slow
                result = torch.empty_like(args[0])
            else:
                result = function(*args, **(kwargs or {}))
            calls.note(function, args, kwargs or {}, result, (counter.get_total_flops() - before) // 2)
            return result

    for tensor in given:
        calls.give(tensor)
    was_training = [part for part in module.modules() if part.training]
    module.eval()
    hooks = modules.follow(module)
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter, Watch():
            calls.take(torch.func.functional_call(module, {**learned, **buffers}, tuple(given)))
    except (RuntimeError, TypeError, ValueError) as error:
        reason = first_line(error)
        raise InputError(f"{type(module).__name__} cannot be counted on shapes alone: {reason}") from error
    finally:
        for hook in hooks:
            hook.remove()
        for part in was_training:
            part.training = True
    return Network(calls.finished(), sum(parameter.numel() for parameter in learned.values()))
