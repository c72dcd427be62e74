"""Networks by reference, for their shapes alone: a workload, or `SOURCE:NAME` of a library's network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from accelsim import config, strictyaml
from accelsim.compactness import Network, network
from accelsim.errors import InputError
from accelsim.layer import LayerShape
from accelsim.sources import SOURCES, Loaded, Source
from accelsim.workload import load_workload

LIBRARIES = ("papernets", "timm", "torchvision")
"""Sources whose networks have a name of their own: `torchvision:resnet34` needs no workload file."""


@dataclass(frozen=True)
class Outline:
    """A network without values: module (torch.nn.Module, on any device) and one input, tensors of which shapes count."""

    name: str
    module: Any
    inputs: tuple[Any, ...]

    @cached_property
    def network(self) -> Network:
        """Its operations. Raises InputError when it must see values to go on."""
        return network(self.module, *self.inputs)

    @cached_property
    def products(self) -> dict[LayerShape, int]:
        """Its matrix products: how often there is one of each shape."""
        from accelsim.sources.outline import products

        return dict(products(self.module, self.inputs))


def outline(reference: str, overrides: Iterable[str] = ()) -> Outline:
    """Return the network that `reference` names: a workload by name or path, or SOURCE:NAME for a library's.

    No weights are read where the library can do without. overrides: ``key=value`` of the workload. Raises InputError
    when the network cannot be built or its source gives codes, UnknownNameError for an unknown name.
    """
    library, colon, name = reference.partition(":")
    if colon and library in LIBRARIES:
        document = config.override(strictyaml.Document(reference, {"model": name}), overrides)
        source: Source = config.validate(SOURCES.get(library), document)
        return _of(name, source)
    workload = load_workload(reference, overrides)
    return _of(workload.name, workload.model)


def _of(name: str, source: Source) -> Outline:
    try:
        loaded: Loaded = source.outline()
    except InputError as error:
        raise InputError(f"{name}: {error.message}", error.hint) from None
    if not loaded.inputs:
        raise InputError(f"{name}: the source gave no inputs", "give `inputs`")
    given = loaded.inputs[0]
    return Outline(name, loaded.module, given if isinstance(given, tuple) else (given,))
