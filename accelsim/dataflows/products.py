"""A layer as products of windows and filters: the form in which lane-based machines walk every kind of layer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from accelsim.analyzers.codes import Codes, centred_values, frozen
from accelsim.errors import InputError
from accelsim.layer import Layer, LayerShape, Operand


@dataclass(frozen=True)
class Product:
    """One grouped convolution without padding, on zero-centred codes.

    activation: (images, groups, C, X, Y), padding inserted as zeros; weight: (groups, K, C, R, S). Window (p, q)
    of image n covers the pixels (p * stride[0] + r * dilation[0], q * stride[1] + s * dilation[1]).
    single: whether an image is one row of a linear product (one window, no neighbours). depthwise: whether it is
    one channel by itself in each of several groups. repeats: how often the whole product runs on the same codes, one
    after another. before: rows and columns of padding in front of the map (negative: cropped).
    """

    activation: Codes
    weight: Codes
    P: int
    Q: int
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    single: bool = False
    depthwise: bool = False
    repeats: int = 1
    before: tuple[int, int] = (0, 0)

    @property
    def images(self) -> int:
        """Number of images (or of sequential steps)."""
        return self.activation.shape[0]

    @property
    def groups(self) -> int:
        """Number of groups."""
        return self.weight.shape[0]

    @property
    def K(self) -> int:
        """Filters per group."""
        return self.weight.shape[1]

    @property
    def C(self) -> int:
        """Channels per group."""
        return self.weight.shape[2]

    @property
    def R(self) -> int:
        """Kernel size along the first spatial axis."""
        return self.weight.shape[3]

    @property
    def S(self) -> int:
        """Kernel size along the second spatial axis."""
        return self.weight.shape[4]

    @property
    def windows(self) -> int:
        """Windows (output pixels) of an image."""
        return self.P * self.Q

    @property
    def macs(self) -> int:
        """Multiply-accumulates, padding zeros included, over images and repeats."""
        return self.repeats * self.images * self.groups * self.K * self.windows * self.C * self.R * self.S

    def met_at(self, r: int, s: int) -> tuple[slice, slice]:
        """Return the rows and columns of the map that the windows meet at kernel position (r, s)."""
        x, y = r * self.dilation[0], s * self.dilation[1]
        rows = slice(x, x + (self.P - 1) * self.stride[0] + 1, self.stride[0])
        return rows, slice(y, y + (self.Q - 1) * self.stride[1] + 1, self.stride[1])

    def window_pixels(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the first pixel x * Y + y of each window, and the distance of each kernel position from it.

        The second axis fastest.
        """
        Y = self.activation.shape[4]
        p, q = np.arange(self.P) * self.stride[0], np.arange(self.Q) * self.stride[1]
        r, s = np.arange(self.R) * self.dilation[0], np.arange(self.S) * self.dilation[1]
        return np.add.outer(p * Y, q).reshape(-1), np.add.outer(r * Y, s).reshape(-1)


def products(layer: Layer, batch: int = 1) -> list[Product]:
    """Return the products that make up `layer` for a batch of `batch` inputs like this sample, to run in order.

    * convolution: one product; the images of a batch run one after another.
    * linear layer, or a step of a recurrent one: the rows of a batch are the windows of a 1 x rows map (they share
      the weights and have no neighbours); with one row it is `single`. The steps of a recurrent layer are images.
    * product of two activations: the same with one group per independent product; a batch repeats it.
    * transposed convolution: one ordinary convolution per phase of the output (stride[0] x stride[1] of them),
      each with the taps of the kernel that meet real pixels in that phase: no inserted zeros, the same products
      but for those at the border. Phases without a tap do nothing and are left out. Raises InputError when that is
      all of them.
    """
    shape = layer.shape
    activation, weight = centred_values(layer.activation), centred_values(layer.weight)
    weights = weight.reshape(shape.groups, shape.K, shape.C, shape.R, shape.S)
    if shape.transposed:
        if phases := _phases(shape, activation, weights, batch):
            return phases
        raise InputError(
            f"layer {layer.name}: a transposed convolution none of whose products falls into its output has no work",
            "leave it out of the network",
        )
    if shape.kind == "conv":
        top, bottom, left, right = shape.padding
        maps = _padded(_grouped(shape, activation), top, bottom, left, right)
        geometry = (shape.P, shape.Q, shape.stride, shape.dilation)
        return [Product(maps, weights, *geometry, depthwise=shape.depthwise, repeats=batch, before=(top, left))]
    rows = activation.reshape(shape.steps, shape.N, shape.groups, shape.C)
    copies = 1
    if batch > 1 and shape.kind == "matmul":
        copies = batch
    elif batch > 1:
        rows = np.tile(rows, (1, batch, 1, 1))
    maps = np.ascontiguousarray(rows.transpose(0, 2, 3, 1))[:, :, :, None, :]  # (steps, groups, C, 1, rows)
    count = rows.shape[1]
    return [Product(maps, weights, 1, count, single=count == 1, repeats=copies)]


def space_to_depth(product: Product) -> Product:
    """Return a strided product of few channels as one of stride 1 and stride[0] * stride[1] times the channels.

    Channel (j % v) * u * C + C * (i % u) + c holds pixel (i, j) of channel c for strides (u, v); maps and kernels
    are filled up with zeros. The products that are not with those zeros are the same (DNNsim does this to the
    first layer of a network to fill its lanes). A dilated product is returned as it is.
    """
    u, v = product.stride
    if product.dilation != (1, 1):
        return product

    def folded(array: Codes) -> Codes:
        a, b, c, x, y = array.shape
        out = np.zeros((a, b, v * u * c, -(-x // u), -(-y // v)), array.dtype)
        for i in range(u):
            for j in range(v):
                part = array[..., i::u, j::v]
                first = (j * u + i) * c
                out[:, :, first : first + c, : part.shape[3], : part.shape[4]] = part
        return frozen(out)

    return replace(product, activation=folded(product.activation), weight=folded(product.weight), stride=(1, 1))


def _grouped(shape: LayerShape, activation: Codes) -> Codes:
    return activation.reshape(shape.steps * shape.N, shape.groups, shape.C, shape.H, shape.W)


def _padded(maps: Codes, top: int, bottom: int, left: int, right: int) -> Codes:
    """Return maps with borders of zeros; a negative border crops."""
    if not (top or bottom or left or right):
        return maps
    crop = maps[..., max(0, -top) : maps.shape[-2] - max(0, -bottom), max(0, -left) : maps.shape[-1] - max(0, -right)]
    borders = ((max(0, top), max(0, bottom)), (max(0, left), max(0, right)))
    size = [crop.shape[-2] + sum(borders[0]), crop.shape[-1] + sum(borders[1])]
    out = np.zeros((*crop.shape[:-2], *size), maps.dtype)
    out[..., borders[0][0] : size[0] - borders[0][1], borders[1][0] : size[1] - borders[1][1]] = crop
    return frozen(out)


def _phases(shape: LayerShape, activation: Codes, weights: Codes, batch: int) -> list[Product]:
    """Split a transposed convolution by output phase along both axes."""
    maps = _grouped(shape, activation)
    found: list[Product] = []
    for rows in _axis_phases(shape.R, shape.stride[0], shape.dilation[0], shape.padding[0], shape.P, shape.H):
        for columns in _axis_phases(shape.S, shape.stride[1], shape.dilation[1], shape.padding[2], shape.Q, shape.W):
            taps = frozen(weights[:, :, :, rows.taps][:, :, :, :, columns.taps])
            framed = _padded(maps, *rows.borders, *columns.borders)
            steps = (rows.step, columns.step)
            geometry = (rows.outputs, columns.outputs, (1, 1), steps)
            before = (rows.borders[0], columns.borders[0])
            found.append(Product(framed, taps, *geometry, depthwise=shape.depthwise, repeats=batch, before=before))
    return found


@dataclass(frozen=True)
class _Phase:
    """The outputs of one phase along an axis: kernel taps in the order of rising input position, their distance."""

    phase: int
    taps: npt.NDArray[np.int64]
    outputs: int
    borders: tuple[int, int]
    step: int


def _axis_phases(kernel: int, stride: int, dilation: int, pad: int, out: int, size: int) -> list[_Phase]:
    """Output o = h * stride + r * dilation - pad. For a phase o % stride all taps r have (o + pad - r*d) % stride 0."""
    found: list[_Phase] = []
    for phase in range(min(stride, out)):
        taps = [r for r in range(kernel) if (phase + pad - r * dilation) % stride == 0]
        if not taps:
            continue
        outputs = len(range(phase, out, stride))
        positions = np.asarray([(phase + pad - r * dilation) // stride for r in taps])  # input of the first output
        order = np.argsort(positions)
        first, last = int(positions.min()), int(positions.max())
        step = int(np.diff(positions[order])[0]) if len(taps) > 1 else 1
        borders = (-first, last + outputs - size)
        found.append(_Phase(phase, np.asarray(taps)[order], outputs, borders, step))
    return found


def placed(layer: Layer) -> Layer:
    """Return `layer` whose codes are 1 + their flat index, so that a zero is none of them: a padding zero."""
    shape = layer.shape
    activation = 1 + np.arange(shape.activations, dtype=np.int32).reshape(shape.activation_shape)
    weight = 1 + np.arange(shape.weights, dtype=np.int32).reshape(shape.weight_shape)
    return replace(layer, activation=Operand(activation, 32), weight=Operand(weight, 32))


def indexed(layer: Layer) -> list[tuple[Product, npt.NDArray[np.int64]]]:
    """Return the products of `layer` with places instead of codes, to follow a schedule in tests (batch of 1).

    Activations and weights hold 1 + their flat index (`placed`; 0: a padding zero). With each product
    comes the flat index in the layer's outputs of every (image, group, filter, p, q).
    """
    shape, places = layer.shape, placed(layer)
    outputs = np.arange(shape.outputs, dtype=np.int64).reshape(
        shape.steps * shape.N, shape.groups, shape.K, shape.P, -1
    )
    if shape.kind != "conv":
        rows = outputs.reshape(shape.steps, shape.N, shape.groups, shape.K)
        return [(product, rows.transpose(0, 2, 3, 1)[:, :, :, None, :]) for product in products(places)]
    if not shape.transposed:
        return [(product, outputs) for product in products(places)]
    phases = [
        (row.phase, column.phase)
        for row in _axis_phases(shape.R, shape.stride[0], shape.dilation[0], shape.padding[0], shape.P, shape.H)
        for column in _axis_phases(shape.S, shape.stride[1], shape.dilation[1], shape.padding[2], shape.Q, shape.W)
    ]
    cut = [outputs[..., p :: shape.stride[0], q :: shape.stride[1]] for p, q in phases]
    return list(zip(products(places), cut, strict=True))
