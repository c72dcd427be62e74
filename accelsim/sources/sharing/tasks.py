"""The network of a workload with the inputs on which its task is judged."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from accelsim.errors import InputError, first_line
from accelsim.files import npy
from accelsim.sources import Source
from accelsim.sources.sharing.network import Network
from accelsim.sources.zoo import Zoo

Task = tuple[Any, list[tuple[Any, ...]], Any, list[str]]
"""A module, its inputs, what is right (None: not known) and warnings."""
CIFAR = ("resnet20", "resnet20_pruned", "vit_tiny")
SCENES, SCENE_SEED, SCENE_SIZE = 100, 2_000_000, 64
"""Pictures that are drawn for `segmenter`, which are none of those it was trained or measured on."""


def network(
    model: Source,
    count: int,
    labels: Any = None,
    data: Path | None = None,
    most: int | None = None,
    metric: str = "auto",
) -> Network:
    """Return the network of a workload's source and its task on `count` of its inputs.

    labels: a class per input: an array, or the path of one (.npy) or of a line each (.txt); -1 where nothing is known.
    data: folder of cifar10/, for shipped networks that name its test images. most: inputs that are read at most.
    metric: see `Network`. Shipped networks have their samples' labels, or pictures drawn for them; others are held
    against their own outputs.
    """
    if isinstance(model, Zoo) and labels is None and not model.inputs:
        return Network(*_shipped(model.network, data, most), metric)
    module, inputs, warnings, _ = model.choose(count).load()
    given = [entry if isinstance(entry, tuple) else (entry,) for entry in inputs[:count][:most]]
    right = read_labels(labels, count) if isinstance(labels, Path) else labels
    return Network(module, given, None if right is None else right[: len(given)], warnings, metric)


def _shipped(name: str, data: Path | None, most: int | None) -> Task:
    from accelsim import zoo

    if zoo.integer(name):
        raise InputError(f"{name} computes in integers; its weights are codes already", "share those of resnet20")
    module, samples = zoo.load(name), list(zoo.samples(name))[:most]
    if name in CIFAR and data is not None:
        return _cifar(module, data, most)
    if name in CIFAR:
        from accelsim.zoo.networks.resnet20 import CLASSES

        right = [CLASSES.index(row["label"]) for row in zoo.card(name)["samples"]][: len(samples)]
        few = f"judged on {len(samples)} shipped pictures alone; --data DIR with cifar10/ in it has 10,000"
        return module, samples, right, [few]
    if name == "segmenter":
        return _scenes(module, most)
    if name == "char_lstm":
        following = [np.append(ids[0, 1:].numpy(), -1) for (ids,) in samples]
        return module, samples, following, [f"judged on {len(samples)} shipped passages of 64 characters"]
    return module, samples, None, [f"held against its own outputs on {len(samples)} shipped samples"]


def _cifar(module: Any, data: Path, most: int | None) -> Task:
    from accelsim.zoo.data.cifar import read
    from accelsim.zoo.networks.resnet20 import normalise

    try:
        images, labels = read(data, "test")
    except FileNotFoundError as error:
        raise InputError(str(error)) from None
    spread = np.random.default_rng(0).permutation(len(images))  # the file has one class after another
    chosen = spread[:most]
    inputs = [(image,) for image in normalise(images[chosen]).split(1)]
    return module, inputs, labels[chosen].numpy(), []


def _scenes(module: Any, most: int | None) -> Task:
    import torch

    from accelsim.zoo.data import leaves, shapes
    from accelsim.zoo.networks.segmenter import prepare

    random = np.random.default_rng(SCENE_SEED)
    count = min(SCENES, SCENES if most is None else most)
    drawn = [shapes.scene(leaves.picture(SCENE_SIZE, 3, random), random) for _ in range(count)]
    inputs = [(prepare(torch.from_numpy(picture[None])),) for picture, _ in drawn]
    note = f"judged by the share of right pixels of {count} pictures drawn for it, none of which it was trained on"
    return module, inputs, [kinds.astype(np.int64) for _, kinds in drawn], [note]


def read_labels(path: Path, count: int) -> Any:
    """Return the class of each of `count` inputs from an .npy or from a file of a line each. Raises InputError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a file without lines, which is refused below
            found = npy.mapped(path) if path.suffix == ".npy" else np.loadtxt(path, np.int64, ndmin=1)
    except (OSError, ValueError, OverflowError) as error:
        reason = first_line(error)
        raise InputError(f"labels {path} cannot be read ({reason})", "a class per line, or an .npy of them") from None
    if found.dtype.kind not in "iu" or found.shape != (count,):
        told = f"of shape {str(found.shape)[:80]} and type {found.dtype} for {count} inputs"
        raise InputError(f"labels {path} are {told}", "a class per input")
    return np.array(found)
