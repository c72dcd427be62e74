"""One operation of a network, as a layer of a Caffe file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Operation:
    """One call that makes activations out of activations, as a layer of a Caffe file.

    kind: name of the function, for example conv2d; "input" for what the network is given. outputs: values of its
    result. macs: of matrix products alone. window: channels that a local response normalisation sums up, else 0.
    affine: whether a normalisation scales too. stored: whether the result takes memory of its own. name: of the layer,
    after the module that runs it. parameters: learned values that it is the first to read. inputs: activations that it
    reads. reads: places of the operations that made them. over: place of the operation whose result it writes over, None
    where it takes memory of its own. channels: second axis of its result (of a sequence its tokens or steps), 0 where it has none.
    returned: whether the network returns it.
    """

    kind: str
    outputs: int
    macs: int = 0
    window: int = 0
    affine: bool = False
    stored: bool = True
    name: str = ""
    parameters: int = 0
    inputs: int = 0
    reads: tuple[int, ...] = ()
    over: int | None = None
    channels: int = 0
    returned: bool = False
