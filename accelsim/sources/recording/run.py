"""Run a network twice over its samples and leave a trace bundle."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch.utils._pytree import tree_map_only

from accelsim.errors import AccelsimError, InputError, first_line
from accelsim.quantize import Quantization
from accelsim.sources.losses import lost
from accelsim.sources.recording.attributes import Attributes
from accelsim.sources.recording.context import decomposed, evaluating
from accelsim.sources.recording.encode import extremes
from accelsim.sources.recording.modules import ModuleStack
from accelsim.sources.recording.own_codes import CONVENTION, own_codes, remarks
from accelsim.sources.recording.passes import Planning, Writing, replay
from accelsim.sources.recording.plan import Plan, Planned
from accelsim.sources.recording.recorder import Recorder, Sink
from accelsim.sources.recording.store import Store
from accelsim.sources.recording.torchao_tensors import is_torchao, parts
from accelsim.sources.recording.weights import Weights
from accelsim.sources.unsupported import listed
from accelsim.trace import Trace, TraceWriter, layer_entry

CONVENTIONS = {
    "weights": "as the network holds them; batch normalisation is not folded into them",
    "bias": "not an operand; part of the stored output",
    "output": "the value after the element-wise operators that directly follow the product, see "
    "accelsim.sources.recording.outputs; of an attention's scores, infinities of the mask saturate",
    "recurrent": "calls with one weight and one shape are one layer; steps are stacked on the first axis in order",
    "matmul": "both operands use the activations' scheme, per tensor",
    "blocks": "of a format with shared scales: 32 consecutive channels of one position, within a group",
    "range": "smallest and largest value over all samples",
}

Inputs = Sequence[tuple[Any, ...]]
T = TypeVar("T")


def record(
    module: torch.nn.Module,
    inputs: Inputs,
    target: Path,
    manifest: dict[str, Any],
    quantization: Quantization,
    replace: bool,
) -> Trace:
    """Capture `module` on `inputs` into the bundle `target`.

    manifest: entries of the caller (name, key, trained, warnings, origin). Two passes: ranges first, then codes, each
    layer written when complete, so that memory follows the largest layer (plus KEPT_BYTES, which save small
    networks the second pass). Both passes begin with the same buffers, attributes and random numbers; the network is left
    as it was. Raises InputError on NaN, infinity, or a forward pass that fails.
    """
    _check(module, inputs, "cpu")
    manifest = {**manifest, "warnings": [*manifest["warnings"], *_rows(inputs)]}
    with TraceWriter(target, replace) as writer:

        def write(plan: Plan, layers: list[Planned], run: Callable[[Sink], None]) -> Trace:
            with Store(writer) as store:
                writing = Writing(plan, layers, store)
                run(writing)
            return Trace(writer.finish({**manifest, **_describe(plan, layers, writing, manifest["warnings"])}))

        return twice(module, inputs, quantization, str(manifest["name"]), write)


def twice(
    module: torch.nn.Module,
    inputs: Inputs,
    quantization: Quantization,
    name: str,
    use: Callable[[Plan, list[Planned], Callable[[Sink], None]], T],
    device: str = "cpu",
) -> T:
    """Plan the capture of `module` on `inputs`, and return what `use` makes of the plan.

    use: gets the plan, its layers and a function that hands every operand of every sample to a sink, from a second run
    of the network or from what the first one kept. device: where parameters and inputs must be. Raises as `record`.
    """
    _check(module, inputs, device)
    plan = Plan(len(inputs), quantization)
    with (
        decomposed(),
        evaluating(module),
        ModuleStack(module) as modules,
        torch.random.fork_rng(devices=[]),
    ):
        weights, attributes = Weights(module), Attributes(module)
        progress = _progress(name, 2 * len(inputs))

        def run(sink: Sink) -> None:
            if kept is not None:
                replay(sink, kept)
            else:
                once(sink)

        def once(sink: Sink) -> None:
            try:
                _pass(module, inputs, plan, weights, modules, sink, progress)
            finally:
                weights.restore()
                attributes.restore()

        try:
            kept = _settle(once, plan, weights)
            return use(plan, plan.finish(), run)
        finally:
            progress.close()


def _settle(once: Callable[[Sink], None], plan: Plan, weights: Weights) -> Any:
    """Plan; again when a buffer turned out to be written by the forward pass, so that it counts as no weight."""
    while True:
        written = len(weights.written)
        planning = Planning()
        once(planning)
        if len(weights.written) == written:
            return planning.kept
        plan.layers.clear()
        plan.unsupported.clear()
        plan.remarks.clear()


def _pass(
    module: torch.nn.Module,
    inputs: Inputs,
    plan: Plan,
    weights: Weights,
    modules: ModuleStack,
    sink: Sink,
    progress: Any,
) -> None:
    torch.manual_seed(0)
    for sample, arguments in enumerate(inputs):
        sink.sample = sample
        recorder = Recorder(plan, weights, modules, sink, sample)
        try:
            given = tree_map_only(torch.Tensor, torch.clone, arguments)  # the network may write into its inputs
            with recorder, own_codes(recorder):
                module(*given)
            with torch.no_grad():
                recorder.end()
        except AccelsimError:
            raise
        except (Exception, SystemExit) as error:
            reason = f"{type(error).__name__}: {first_line(error)}"
            raise InputError(f"the forward pass fails on sample {sample}: {reason}") from error
        progress.update()


def _describe(plan: Plan, layers: list[Planned], writing: Writing, warnings: list[str]) -> dict[str, Any]:
    """Return the manifest's entries about the layers."""
    records = writing.records()
    captured = sum(shape.macs for record in records for shape in record.shapes)
    unsupported, notes, total = listed(plan.unsupported.values(), captured)
    notes += [
        f"layer {layer.name}: infinities in its stored output (a mask) saturate"
        for layer in layers
        if layer.output.infinite
    ]
    notes += lost(writing.losses, plan.quantization)
    return {
        "samples": plan.samples,
        "layers": [layer_entry(record) for record in records],
        "warnings": [*warnings, *notes, *plan.notes, *remarks(plan.remarks)],
        "unsupported": unsupported,
        "conventions": CONVENTIONS | ({"own codes": CONVENTION} if any(layer.own for layer in layers) else {}),
        "quantization": plan.quantization.model_dump(mode="json"),
        "macs_total": total,
        "captured_macs": captured,
        "torch": str(torch.__version__),
    }


def _check(module: torch.nn.Module, inputs: Inputs, device: str) -> None:
    if not inputs:
        raise InputError("there are no input samples", "give at least one tuple of tensors")
    for sample, arguments in enumerate(inputs):
        for place, value in enumerate(arguments):
            if isinstance(value, torch.Tensor):
                if value.numel() == 0:
                    raise InputError(f"input {place} of sample {sample} is empty (shape {tuple(value.shape)})")
                # infinities are left to the layers: a mask may hold them
                if value.is_floating_point() and math.isnan(extremes(value)[0]):
                    raise InputError(f"input {place} of sample {sample} holds NaN")
    if not all(hasattr(part, "training") for part in module.modules()):
        raise InputError("a frozen module has its weights in its code", "capture it as it was before torch.jit.freeze")
    for name, value in (*module.named_parameters(), *module.named_buffers()):
        if torch.nn.parameter.is_lazy(value):
            raise InputError(
                f"{name} has neither shape nor values yet", "run the network once, which makes its lazy parts"
            )
        if value.layout is not torch.strided:
            raise InputError(f"{name} is not stored dense ({value.layout})", "keep it dense: .to_dense()")
    for name, parameter in module.named_parameters():
        if parameter.device.type != device:
            hint = "move the network to the CPU: model.cpu()" if device == "cpu" else f"move it to {device}"
            raise InputError(f"parameter {name} is on device {parameter.device}", hint)
        if parameter.is_floating_point() and parameter.numel() and not _finite(parameter):
            raise InputError(f"weights {name}: NaN or infinity", "check the weights")


def _rows(inputs: Inputs) -> list[str]:
    """Return the warning that a sample is a batch: its first tensor has several rows."""
    for sample, arguments in enumerate(inputs):
        first = next((a for a in arguments if isinstance(a, torch.Tensor) and a.dtype is not torch.bool), None)
        if first is not None and first.dim() >= 2 and first.shape[0] > 1:
            return [
                f"sample {sample} holds {first.shape[0]} rows in its first dimension: "
                "an 'input' of the results is the whole sample"
            ]
    return []


def _finite(tensor: torch.Tensor) -> bool:
    if is_torchao(tensor):
        return all(bool(torch.isfinite(part.float()).all()) for part in parts(tensor) if part.is_floating_point())
    return all(math.isfinite(value) for value in extremes(tensor))


def _progress(name: str, passes: int) -> Any:
    from tqdm import tqdm

    return tqdm(
        total=passes, desc=f"capturing {name}", unit="pass", file=sys.stderr, disable=None, delay=1.0, leave=False
    )
