"""Workloads: which network, on which inputs, quantised how; found by name and captured once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field, SerializeAsAny, create_model

from accelsim import catalogue, strictyaml
from accelsim.config import Spec, digest, override, validate
from accelsim.errors import ConfigError, InputError, UnknownNameError
from accelsim.files.paths import user_path
from accelsim.quantize import Quantization
from accelsim.sources import SOURCES, Source
from accelsim.sources.capture import NAME, bundle_path, record_to, trace_key_parts
from accelsim.sources.coded import write_codes
from accelsim.sources.npy import MODEL
from accelsim.trace import Trace, kept


class _Common(Spec):
    """The keys that every workload file has."""

    name: str = Field(pattern=NAME, description="letters, digits, dot, dash, underscore")
    description: str = ""
    source: str = Field(description="where the network comes from: a name of the catalogue of sources")
    samples: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="how many of the source's inputs are captured; one, or all of an npy folder",
    )
    quantization: Quantization = Quantization()


class Workload(_Common):
    """A network, its inputs and their quantisation.

    model: the source with the keys that it added to the file.
    """

    model: SerializeAsAny[Source]

    @property
    def key(self) -> str:
        """Content key over network, inputs, quantisation and versions; computed without torch."""
        return digest(self.source, self.chosen.fingerprint(), trace_key_parts(self.quantization, self.inputs))

    @property
    def chosen(self) -> Source:
        """The source with the inputs that are captured."""
        return self.model.choose(self.inputs)

    @property
    def inputs(self) -> int:
        """How many inputs are captured: `samples`, or as many as there are."""
        there = self.model.available()
        if self.samples is None:
            return there if there and self.model.every else 1
        return min(self.samples, there or self.samples)


def load_workload(reference: str | Path, overrides: Iterable[str] = ()) -> Workload:
    """Read a workload by name or path, after ``key=value`` `overrides`; a folder of arrays is a workload by its path.

    Raises UnknownNameError for an unknown workload, ConfigError with every problem of the file and its line,
    InputError for a folder without model.csv.
    """
    path, document = _document(str(reference))
    document = override(document, overrides)
    source, problem = _source(document)
    both = create_model(source.__name__, __base__=(_Common, source))
    try:
        read = validate(both, document)
    except ConfigError as error:
        problems = [*([problem] if problem else []), *error.problems]
        if problem:  # without its source, a file's own keys cannot be told from wrong ones
            problems = [p for p in problems if "unknown key" not in p]
        raise _refusal(path, problems) from None
    if problem:
        raise _refusal(path, [problem])
    values = {name: getattr(read, name) for name in type(read).model_fields}
    own = source(**{name: values[name] for name in source.model_fields})
    return Workload(**{name: values[name] for name in _Common.model_fields}, model=own.beside(path.resolve().parent))


def open_trace(workload: Workload, force: bool = False, cache: Path | None = None) -> Trace:
    """Return the trace of `workload`, captured now or kept from before; a kept one needs no torch.

    A kept one that is damaged is captured again. force: capture again and replace what is kept. cache: folder instead
    of ``cache_folder()``, which must be writable. Raises InputError when the network cannot be captured.
    """
    key = workload.key
    target = bundle_path(workload.name, key, cache)
    return kept(target, lambda place, replace: _captured(workload, key, place, replace), force, cache is None)


def _captured(workload: Workload, key: str, target: Path, replace: bool) -> Trace:
    model = workload.chosen
    origin = _portable({"workload": workload.model_dump(mode="json"), "fingerprint": model.fingerprint()})
    model.rehearse(workload.inputs)
    encoded = model.quantizing(workload.quantization).layers(workload.inputs)
    if encoded is not None:
        if workload.quantization != Quantization() and not encoded.quantized:
            raise ConfigError(
                f"workload {workload.name}: source {workload.source} gives codes; `quantization` has no effect"
            )
        return write_codes(encoded, target, workload.name, key, replace, origin)
    module, inputs, warnings, trained = model.load()
    if len(inputs) < workload.inputs:
        raise InputError(
            f"workload {workload.name}: samples is {workload.inputs}, the source has {len(inputs)}",
            f"set samples to {len(inputs)} or less" if inputs else "the source gave no inputs",
        )
    chosen = [entry if isinstance(entry, tuple) else (entry,) for entry in inputs[: workload.inputs]]
    return record_to(
        module, chosen, target, workload.name, key, workload.quantization, list(warnings), trained, replace, origin
    )


def _document(reference: str) -> tuple[Path, strictyaml.Document]:
    """Return the path and content of a workload's file, or of the one that a folder of arrays stands for."""
    path = user_path(reference)
    if path.is_dir() and (path / MODEL).is_file():
        place = path.resolve()
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", place.name).lstrip("._-")[:100] or "npy"
        return path, strictyaml.Document(str(path), {"name": name, "source": "npy", "folder": str(place)})
    shipped = catalogue.names("workload")
    if path.is_dir() and path.suffix not in (".yaml", ".yml") and reference not in shipped:
        hint = f"a workload is such a folder, a YAML file or one of: {', '.join(shipped)}"
        raise InputError(f"folder {reference} holds no {MODEL}", hint)
    path = catalogue.find("workload", reference)
    return path, strictyaml.read(path)


def _portable(value: Any) -> Any:
    """Return JSON-like `value` with each path of this machine cut to the file's name (digests tell the files)."""
    if isinstance(value, dict):
        return {key: _portable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_portable(item) for item in value]
    if isinstance(value, str) and value.startswith(("/", "~/")):
        path = os.path.expanduser(value)
        return Path(value).name if os.path.exists(path) or os.path.exists(path.rpartition(":")[0]) else value
    return value


def _source(document: strictyaml.Document) -> tuple[type[Source], str]:
    """Return the class of the file's source, or the bare base and the problem with its name."""
    name: Any = document.data.get("source")
    if not isinstance(name, str):
        return Source, ""
    try:
        return SOURCES.get(name), ""
    except UnknownNameError as error:
        return Source, f"{document.where(('source',))}: source: {error}"


def _refusal(path: Path, problems: list[str]) -> ConfigError:
    return ConfigError(f"{path}: {len(problems)} problem{'s' if len(problems) > 1 else ''}", problems=problems)
