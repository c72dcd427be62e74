"""Read a bundle: its layers on each sample, each file checked by its digest when it is first opened."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from accelsim.errors import BundleError, InputError, first_line
from accelsim.files.caution import caution
from accelsim.files.tensors import Codes, mapped
from accelsim.formats.catalogue import number_format
from accelsim.layer import Layer
from accelsim.notebook import counted, page
from accelsim.trace.claims import check_codes, records
from accelsim.trace.entries import LayerRecord, operand_of
from accelsim.trace.made import Maker, maker_of
from accelsim.trace.manifest import opened, refusal
from accelsim.trace.remembered import remembered
from accelsim.units import engineering


class Trace:
    """A bundle opened for reading; arrays are mapped when a layer is asked for, nothing is read before.

    manifest: what the bundle says of itself. digest: SHA-256 of the manifest, which covers that of every file.
    When the folder is replaced by another bundle, what is asked for afterwards raises BundleError.
    """

    def __init__(self, path: Path, again: Callable[[], Any] | None = None) -> None:
        """Open the bundle at `path`. Raises BundleError when it is truncated, altered or of a future version.

        again: captures the bundle anew when one of its files turns out damaged or is gone.
        """
        self.path = path
        self._again = again
        self._mending = threading.Lock()
        self._checked: dict[str, tuple[int, ...]] = {}
        self._sound: set[tuple[str, str | None]] = set()
        self.manifest, self.digest = opened(path)
        self.layers = records(path, self.manifest)
        self._maker = maker_of(path, self.manifest)

    def __repr__(self) -> str:
        """Return name, size and key in one line."""
        size = f"{counted(len(self.layers), 'layer')}, {counted(self.samples, 'sample')}"
        return f"<Trace {self.manifest['name']}: {size}, {self._macs()} MACs a sample; key {self.key[:12]}>"

    def _repr_html_(self) -> str:
        """Return one row per layer, for a notebook; no codes are read."""
        rows = [
            [
                record.name,
                record.shapes[0].kind,
                engineering(record.shapes[0].macs),
                " x ".join(map(str, record.shapes[0].activation_shape)),
                " x ".join(map(str, record.shapes[0].weight_shape)),
                " x ".join(map(str, record.shapes[0].output_shape)),
            ]
            for record in self.layers
        ]
        facts = {"layers": len(rows), "samples": self.samples, "MACs a sample": self._macs(), "key": self.key[:12]}
        headings = ["layer", "kind", "MACs", "activation (N, C, H, W)", "weight (K, C, R, S)", "output"]
        return page(f"Trace {self.manifest['name']}", facts, headings, rows, self.warnings)

    def _macs(self) -> str:
        return engineering(sum(shape.macs for record in self.layers for shape in record.shapes) / max(1, self.samples))

    @property
    def key(self) -> str:
        """Content key over model weights, inputs, quantisation and version."""
        return str(self.manifest["key"])

    @property
    def samples(self) -> int:
        """Number of input samples."""
        return int(self.manifest["samples"])

    @property
    def warnings(self) -> list[str]:
        """Approximations and unsupported operators noted at capture, and the integers taken for number formats."""
        return [*self.manifest["warnings"], *(number_format(name).view() for name in self.formats)]

    @property
    def keeps_codes(self) -> bool:
        """Whether the codes are in files; else they are made anew when a layer is read (`accelsim.trace.made`)."""
        return self._maker is None

    @cached_property
    def widest(self) -> tuple[int, str]:
        """Bits in memory of the widest activations or weights, in codes or patterns, and the layer that has them."""
        return max(
            (number_format(operand["format"]).bits if "format" in operand else int(operand["bits"]), record.name)
            for record in self.layers
            for role, operand in record.operands.items()
            if operand is not None and role != "output"
        )

    @cached_property
    def formats(self) -> list[str]:
        """Number formats of the operands, each once; none where all codes are integers."""
        given = (o.get("format") for record in self.layers for o in record.operands.values() if o is not None)
        return list(dict.fromkeys(name for name in given if name is not None))

    def layer(self, index: int, sample: int = 0) -> Layer:
        """Return layer `index` on input `sample`, its codes read only: memory mapped, or made now and in memory.

        Raises InputError when there is no such layer or sample, BundleError when its files were altered.
        """
        for what, number, count in (("layer", index, len(self.layers)), ("sample", sample, self.samples)):
            if not 0 <= number < count:
                raise InputError(f"there is no {what} {number}", f"this trace has {what}s 0 to {count - 1}")
        record = self.layers[index]
        if self._maker is not None:
            return self._made(self._maker, record, sample)
        arrays = self._open(record.sample_files[sample])
        if record.weight_file:
            arrays |= self._open(record.weight_file)
        try:
            return self._joined(record, sample, arrays)
        except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else first_line(error)
            raise refusal(self.path, f"layer {record.name} contradicts its manifest ({reason})") from None

    def _joined(self, record: LayerRecord, sample: int, arrays: dict[str, Codes]) -> Layer:
        """Return a layer of its arrays. Raises ValueError, KeyError, TypeError, IndexError or OverflowError when these do not fit."""
        shape = record.shapes[sample]
        operands = {
            role: operand_of(arrays, role, parameters, shape.groups if role == "activation" else 1)
            for role, parameters in record.parameters(sample).items()
            if parameters is not None
        }
        found = Layer(
            record.name, record.index, sample, shape, operands["activation"], operands["weight"], operands.get("output")
        )
        files = record.sample_files[sample], record.weight_file
        if files not in self._sound:
            for role, operand in operands.items():
                check_codes(operand, role)
            if found.output is not None and found.output.codes.shape != shape.output_shape:
                raise ValueError(f"output codes have shape {found.output.codes.shape}, expected {shape.output_shape}")
            self._sound.add(files)
        return found

    def _made(self, maker: Maker, record: LayerRecord, sample: int) -> Layer:
        try:
            found = maker.layer(record.index, sample)
        except IndexError:
            raise refusal(self.path, f"its recipe has no layer {record.name}") from None
        except (ValueError, OverflowError) as error:
            raise refusal(self.path, f"its recipe cannot be followed ({first_line(error)})") from None
        if found.shape != record.shapes[sample]:
            raise refusal(self.path, f"its recipe makes another layer {record.name}")
        for operand in (found.activation, found.weight):
            operand.codes.flags.writeable = False
        return found

    def __iter__(self) -> Iterator[Layer]:
        """Iterate over every layer of every sample, layer by layer."""
        for record in self.layers:
            for sample in range(self.samples):
                yield self.layer(record.index, sample)

    def remembered(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return JSON-like statistics kept with the bundle under `name`, computing and keeping them at first.

        The name must carry everything the statistics depend on besides the bundle (analyzer and version). What
        belongs to another bundle, or was altered, is computed again. A bundle on a read-only file system works,
        its statistics are then computed each time.
        """
        return remembered(self.path / "statistics" / f"{name}.json", self.digest, compute)

    def keeps(self, name: str) -> bool:
        """Whether statistics are kept with the bundle under `name`; `remembered` still checks them."""
        return (self.path / "statistics" / f"{name}.json").is_file()

    def _open(self, name: str) -> dict[str, Codes]:
        try:
            return self._arrays(name)
        except BundleError as error:
            if self._again is None:
                raise
            return self._mended(name, error)

    def _mended(self, name: str, error: BundleError) -> dict[str, Codes]:
        """Capture the bundle again, in one of the threads that find it damaged, and open a file of it."""
        with self._mending:
            try:
                return self._arrays(name)
            except BundleError:
                pass
            assert self._again is not None
            caution(f"{error.message}: captured again")
            self._again()
            if opened(self.path)[1] != self.digest:
                raise BundleError(
                    f"bundle {self.path} was damaged and has been captured again", "run the command again"
                )
            return self._arrays(name)

    def _arrays(self, name: str) -> dict[str, Codes]:
        try:
            with (self.path / name).open("rb") as file:
                status = os.fstat(file.fileno())
                state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
                if self._checked.get(name) != state:  # at first, and when the file is not the one checked before
                    if hashlib.file_digest(file, "sha256").hexdigest() != self.manifest["files"][name]["sha256"]:
                        raise refusal(self.path, f"{name} was altered (SHA-256 differs)")
                    self._checked[name] = state
                return mapped(file)
        except OSError as error:
            raise refusal(self.path, f"{name} cannot be read ({error.strerror})") from None
        except ValueError as error:
            raise refusal(self.path, f"{name} cannot be read ({error})") from None
