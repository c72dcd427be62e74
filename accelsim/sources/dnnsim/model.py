"""The text files of a DNNsim folder: layers (model.csv) and profiled precisions (precision.txt)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from accelsim.errors import InputError

KINDS = {"conv": "conv", "fc": "fc", "rnn": "rnn", "lstm": "rnn"}
_FORM = "a line of model.csv is NAME,conv|fc|rnn,STRIDE,PADDING"
_LONGEST = 1 << 20


@dataclass(frozen=True)
class Line:
    """One layer of model.csv. name: as in the names of the arrays, "/" replaced by "-". kind: conv, fc or rnn."""

    name: str
    kind: str
    stride: int
    padding: int


@dataclass(frozen=True)
class Fixed:
    """A profiled fixed-point format: `magnitude` bits (sign included) before the point, `fraction` after it."""

    magnitude: int
    fraction: int

    @property
    def bits(self) -> int:
        """The profiled precision."""
        return self.magnitude + self.fraction


@dataclass(frozen=True)
class Precision:
    """The profiled formats of a layer."""

    activation: Fixed
    weight: Fixed


def read_model(path: Path) -> list[Line]:
    """Return the layers in the order of model.csv.

    Fields are separated by commas, or by colons as in DNNsim's README; a first line of column names is left out.
    Raises InputError naming the line for another kind of layer, a number out of range or a name used twice.
    """
    found: dict[str, Line] = {}
    for number, text in enumerate(_text(path).splitlines(), start=1):
        fields = [field.strip() for field in re.split(r"[,:]", text)]
        if not text.strip() or (not found and _is_header(fields)):
            continue
        line = _line(fields, f"{path}:{number}")
        if line.name in found:
            raise InputError(f"{path}:{number}: two layers are called {line.name!r}")
        found[line.name] = line
    if not found:
        raise InputError(f"{path}: there is no layer in it", _FORM)
    return list(found.values())


def read_precision(path: Path, layers: int, bits: int) -> list[Precision]:
    """Return the profiled formats of `layers` layers from precision.txt.

    The first line is a title; then activation magnitudes, activation fractions, weight magnitudes and weight
    fractions, one number per layer, separated by semicolons. Raises InputError for another number of lines or
    values, or for a precision that is not between 1 and `bits`.
    """
    lines = [line for line in _text(path).splitlines() if line.strip()]
    if len(lines) != 5:
        raise InputError(
            f"{path}: {len(lines)} lines, expected a title and 4 lines of numbers",
            "activation magnitudes, activation fractions, weight magnitudes, weight fractions, separated by ';'",
        )
    rows = [_numbers(line, f"{path}: line {place}", layers) for place, line in enumerate(lines[1:], start=2)]
    found = [Precision(Fixed(am, af), Fixed(wm, wf)) for am, af, wm, wf in zip(*rows, strict=True)]
    for place, precision in enumerate(found):
        for role, form in (("activations", precision.activation), ("weights", precision.weight)):
            if not 1 <= form.bits <= bits:
                raise InputError(
                    f"{path}: layer {place + 1}: {role} of {form.magnitude} + {form.fraction} = {form.bits} bits, expected 1 to {bits}"
                )
    return found


def _line(fields: list[str], where: str) -> Line:
    if len(fields) != 4:
        raise InputError(f"{where}: {len(fields)} fields, expected 4", _FORM)
    name, kind = fields[0].replace("/", "-"), fields[1].lower()
    if not name or not name.isprintable():
        raise InputError(f"{where}: {name!r} is no name of a layer", _FORM)
    if kind not in KINDS:
        raise InputError(f"{where}: unknown kind of layer {fields[1]!r}", "known: conv, fc, rnn")
    try:
        stride, padding = int(fields[2]), int(fields[3])
    except ValueError:
        raise InputError(f"{where}: stride {fields[2]!r} or padding {fields[3]!r} is no whole number", _FORM) from None
    if not (1 <= stride < 2**16 and 0 <= padding < 2**16):
        raise InputError(f"{where}: stride {stride} or padding {padding} is out of range")
    return Line(name, KINDS[kind], stride, padding)


def _is_header(fields: list[str]) -> bool:
    return len(fields) == 4 and not any(re.fullmatch(r"[-+]?\d+", field) for field in fields[2:])


def _numbers(line: str, where: str, count: int) -> list[int]:
    fields = [field.strip() for field in line.strip().removesuffix(";").split(";")]
    try:
        numbers = [int(field) for field in fields]
    except ValueError:
        raise InputError(f"{where} holds something else than whole numbers separated by ';'") from None
    if len(numbers) != count:
        raise InputError(f"{where} has {len(numbers)} numbers, model.csv has {count} layers")
    return numbers


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LONGEST:
            raise InputError(f"{path}: {path.stat().st_size} bytes are too many for a file of text")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: cannot be read (no UTF-8 text)") from None
