"""Bad files of weights: safetensors, checkpoints of torch, shared weights, and those shipped with the zoo."""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import random
import shutil
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save

from accelsim import zoo
from accelsim.sources.state import load_weights, read_state
from accelsim.sources.torchao_files import import_torchao
from accelsim.study.sharing.candidates import Candidate
from accelsim.study.sharing.export import read_shared, write_shared
from tests.fuzz import binary_mutations
from tests.fuzz.families import Case
from tests.fuzz.families.arrays import Canary


def module() -> torch.nn.Module:
    """Return the network whose weights the files should hold."""
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1, bias=False))


def _state(**more: Any) -> dict[str, Any]:
    return {"0.weight": torch.ones(2, 3), "0.bias": torch.zeros(2), "1.weight": torch.ones(1, 2), **more}


def _load(path: Path) -> Any:
    state = read_state(path)
    target = module()
    load_weights(target, path, state)
    return target


DTYPES = ("F32", "F16", "BF16", "I8", "U8", "I64", "F64", "BOOL", "F8_E4M3", "U16", "C64", "F4", "nothing", "", 3, None)
SHAPES = ([2, 3], [], [0], [2**40], [2**62, 4], [-1], [1.5], "x", None, [2, [3]], [1] * 70, [2**32, 2**32])


def safetensors(folder: Path) -> Case:
    """Headers that lie, and bytes changed."""
    _torchao()
    good = save({name: tensor.numpy() for name, tensor in _state().items()})
    shared = {"0.weight_orig": np.ones((2, 3), np.float32), "0.weight_mask": np.ones((1 << 10, 1), np.float32)}
    seeds = [
        good,
        save(shared),
        save({"a": np.ones(2, np.float32)}, {"tensor_names": '["a"]', "a": '{"_type": "Int8Tensor"}'}),
    ]

    def header(rng: random.Random) -> bytes:
        body, at = bytes(44), [0, 24, 24, 32, 32, 40]
        found: dict[str, Any] = {}
        for place, (name, shape) in enumerate((("0.weight", [2, 3]), ("0.bias", [2]), ("1.weight", [1, 2]))):
            found[name] = {"dtype": "F32", "shape": shape, "data_offsets": at[2 * place : 2 * place + 2]}
        entry = found[rng.choice(sorted(found))]
        kind = rng.randrange(7)
        if kind == 0:
            entry["dtype"] = rng.choice(DTYPES)
        elif kind == 1:
            entry["shape"] = rng.choice(SHAPES)
        elif kind == 2:
            entry["data_offsets"] = rng.choice(
                ([0, 0], [24, 0], [-8, 16], [0, 2**63], [8, 32], [0], None, ["0", "24"], [0.0, 24.0])
            )
        elif kind == 3:
            del entry[rng.choice(sorted(entry))]
        elif kind == 4:
            names = rng.choice(('["0.weight"]', "[[[", "3", '{"a": 1}', "[" * 2000))
            about = {"tensor_names": names, "0.weight": rng.choice(('{"_type": "X"}', "{}", "[]", "3"))}
            name = rng.choice(("__metadata__", "", "../x", "a" * 5000, "\x1b[31m", "parametrizations.x.original"))
            found[name] = rng.choice((entry, {}, None, [], about))
        text = json.dumps(found).encode() if rng.random() < 0.9 else b"[" * 5000
        length = len(text) if rng.random() < 0.8 else rng.choice(binary_mutations.LENGTHS) % 2**64
        return struct.pack("<Q", length) + text + body[: rng.choice((40, 40, 40, 44, 39, 0))]

    def one(rng: random.Random) -> Any:
        path = folder / "w.safetensors"
        path.write_bytes(header(rng) if rng.random() < 0.5 else binary_mutations.data(rng.choice(seeds), rng, seeds))
        return _load(path)

    return one


def _torchao() -> None:
    """Import what puts torchao's tensors together: it writes temporary files as it is imported, which no case may."""
    if importlib.util.find_spec("torchao") is not None:
        import_torchao()
        importlib.import_module("torchao.prototype.safetensors.safetensors_support")


def checkpoints(folder: Path) -> Case:
    """Checkpoints of torch.save: objects besides tensors, tensors larger than the file, bytes changed."""
    canary = Canary(folder / "canary")
    huge = torch.zeros(1).expand(1 << 40)
    nothing = torch.zeros((2, 0), dtype=torch.int64)
    sparse = torch.sparse_coo_tensor(nothing, torch.zeros(0), (1 << 20, 1 << 20), check_invariants=True)
    places = torch.tensor([[500], [2**40]])
    outside = torch.sparse_coo_tensor(places, torch.ones(1), (2, 3), check_invariants=False)
    contents: list[Any] = [
        _state(), {"state_dict": _state()}, {"model": _state(), "epoch": 3}, {f"module.{k}": v for k, v in _state().items()},
        _state(extra=canary), canary, [canary], {"model": canary}, _state(**{"0.weight": huge}), _state(**{"0.weight": sparse}),
        _state(**{"0.weight": outside}),
        {"0.weight_orig": huge, "0.weight_mask": torch.ones(1)}, {3: torch.ones(2)}, {("a",): torch.ones(1)}, {}, [], 3, None, "x",
        {"state_dict": {}}, _state(**{"0.bias": torch.zeros(2, dtype=torch.complex64)}), _state(**{"0.bias": "no tensor"}),
        _state(**{"0.bias": torch.zeros(2, device="meta")}), torch.nn.Linear(2, 2), _state(**{"0.weight": torch.ones(2, 3).to_sparse()}),
        _state(**{"0.bias": torch.tensor([float("nan"), 1.0])}), _state(**{"0.bias": torch.zeros(2, dtype=torch.int64)}),
        {"parametrizations.weight.original": torch.ones(2), "parametrizations.weight.0.mask": torch.ones(3)},
        _state(**{"0.bias": torch.quantize_per_tensor(torch.zeros(2), 1.0, 0, torch.qint8)}),
    ]  # fmt: skip
    seeds = [_saved(content, new) for content in contents for new in (True, False)]
    seeds.append(torch.jit.script(module()).save_to_buffer())
    bomb = _repacked(_saved({"0.weight": torch.zeros(1 << 25)}, True))
    pickles = [len(seed) for seed in seeds]
    assert pickles

    def one(rng: random.Random) -> Any:
        path = folder / rng.choice(("w.pth", "w.pt", "w.bin"))
        data = bomb if rng.random() < 0.003 else rng.choice(seeds)
        path.write_bytes(binary_mutations.data(data, rng, seeds) if rng.random() < 0.7 else data)
        found = _load(path)
        assert not (folder / "canary").exists()
        return found

    return one


def _saved(content: Any, new: bool) -> bytes:
    buffer = io.BytesIO()
    try:
        torch.save(content, buffer, _use_new_zipfile_serialization=new)
    except (RuntimeError, NotImplementedError):
        return b""
    return buffer.getvalue()


def _repacked(data: bytes) -> bytes:
    """Return an archive with its entries compressed, so that it is many times larger inside."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            new.writestr(item.filename, old.read(item))
    return buffer.getvalue()


def shared_weights(folder: Path) -> Case:
    """Files of shared weights: shapes, widths and indices that contradict each other."""
    candidate = Candidate(
        codebooks=np.ones((1, 4), np.float32), indices=np.zeros((2, 3), np.uint16), **_rest(Candidate)
    )
    write_shared(folder / "seed.safetensors", {"a": candidate})
    good = (folder / "seed.safetensors").read_bytes()
    codebook, indices = np.ones((1, 4), np.float32), np.zeros(2, np.uint8)

    def one(rng: random.Random) -> Any:
        path = folder / "shared.safetensors"
        if rng.random() < 0.5:
            shape = rng.choice(([2, 3], [2**40], [2**31, 2**31], [-1, 3], "x", [], None, [0]))
            item = {"shape": shape, "index_bits": rng.choice((2, 0, -1, 64, 2**40, "x", None, 1.5))}
            layers = {rng.choice(("a", "../a", "b")): rng.choice((item, item, item, {}, 3, None))}
            text = json.dumps(rng.choice((layers, layers, layers, [], 3)))
            values = rng.choice((codebook, codebook[:, :1], codebook[0], codebook.astype(np.int64)))
            arrays = {"a.codebook": values, "a.indices": rng.choice((indices, indices + 255, indices[:0], codebook))}
            path.write_bytes(
                save(
                    arrays, {rng.choice(("accelsim.shared_weights", "other")): rng.choice((text, text, "[" * 3000, ""))}
                )
            )
        else:
            path.write_bytes(binary_mutations.data(good, rng, [good]))
        return read_shared(path)

    return one


def _rest(kind: Any) -> dict[str, Any]:
    """Return something for each other field of a dataclass."""
    names = set(kind.__dataclass_fields__) - {"codebooks", "indices"}
    return dict.fromkeys(names, 0)


def shipped(folder: Path) -> Case:
    """Damaged weights and samples of the shipped networks."""
    original = zoo.folder("resnet20")
    copy = folder / "resnet20"
    shutil.copytree(original, copy)
    zoo.folder = lambda name: copy  # type: ignore[assignment]
    names = ("weights.safetensors", "samples.safetensors", "card.yaml")

    def one(rng: random.Random) -> Any:
        name = rng.choice(names)
        good = (original / name).read_bytes()
        bad = good[: rng.randrange(len(good))]
        if rng.random() < 0.7:
            bad = binary_mutations.data(good[:20_000], rng) + good[20_000:]
        (copy / name).write_bytes(bad)
        try:
            return (zoo.load("resnet20"), zoo.samples("resnet20")) if name != "card.yaml" else zoo.card("resnet20")
        finally:
            (copy / name).write_bytes(good)

    return one
