"""Any PyTorch network of the user's own code: a function that makes it, and a file of weights."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, Self

from pydantic import Field, PrivateAttr

from accelsim.errors import AccelsimError, InputError
from accelsim.sources import Loaded, Source, source
from accelsim.sources.zoo import digest_file

UNTRAINED = "the weights are random (untrained): its ineffectual work says nothing about a trained network"


@source("python")
class Python(Source):
    """A network made by your own function `target`, which returns (module, list of input tuples).

    The content key covers the target's file and the weight file, not what that file imports: after a change
    elsewhere, capture with --force.
    """

    target: str = Field(pattern=r"^[^:\s]+:[A-Za-z_]\w*$", description="package.module:function or file.py:function")
    weights: str = Field(
        default="random",
        description="path of a safetensors state dict; `random`: untrained; `made`: the target loads trained weights",
    )
    seed: int = Field(default=0, ge=0, description="seed of torch while the target runs")
    _folder: Path = PrivateAttr(default=Path())

    def beside(self, folder: Path) -> Self:
        """Return the source that looks for its modules and weights in `folder` first."""
        copy = self.model_copy()
        copy._folder = folder
        return copy

    def fingerprint(self) -> dict[str, Any]:
        """Return the digests of the target's file and of the weights. Raises InputError when one is missing."""
        path = self._weight_path()
        return {
            "target": self.target,
            "code": digest_file(self._code_path()),
            "weights": digest_file(path) if path else self.weights,
            "seed": self.seed,
        }

    def load(self) -> Loaded:
        """Call the target and load the weights into its module, every key matched."""
        import torch

        make = self._function()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            try:
                made = make()
            except AccelsimError:
                raise
            except (Exception, SystemExit) as error:
                raise InputError(f"{self.target}: {type(error).__name__}: {first_line(error)}") from error
        if not (
            isinstance(made, tuple)
            and len(made) == 2
            and isinstance(made[0], torch.nn.Module)
            and isinstance(made[1], list | tuple)
        ):
            raise InputError(f"{self.target} must return (torch.nn.Module, list of input tuples)")
        module, inputs = made[0], list(made[1])
        path = self._weight_path()
        if path is not None:
            load_weights(module, path)
        if self.weights == "random":
            return Loaded(module, inputs, [UNTRAINED], trained=False)
        return Loaded(module, inputs)

    def _weight_path(self) -> Path | None:
        if self.weights in ("random", "made"):
            return None
        path = self._folder / Path(self.weights).expanduser()
        if not path.is_file():
            raise InputError(f"weights {path} are missing", "give the path of a safetensors file, or `random`")
        return path

    def _search(self) -> list[str]:
        return [str(self._folder.resolve()), str(Path.cwd()), *sys.path]

    def _code_path(self) -> Path:
        """Find the target's file without importing anything."""
        place = self.target.partition(":")[0]
        if place.endswith(".py"):
            path = self._folder / Path(place).expanduser()
            if path.is_file():
                return path
            raise InputError(f"target {self.target}: no file {path}")
        search: list[str] | None = self._search()
        origin: str | None = None
        for end, _ in enumerate(parts := place.split("."), start=1):
            spec = PathFinder.find_spec(".".join(parts[:end]), search) if search else None
            if spec is None:
                raise InputError(
                    f"target {self.target}: no module {'.'.join(parts[:end])}",
                    f"looked in {self._search()[0]} and sys.path",
                )
            search, origin = list(spec.submodule_search_locations or []), spec.origin
        if origin is None:
            raise InputError(f"target {self.target}: {place} is a package without code")
        return Path(origin)

    def _function(self) -> Any:
        path, (place, _, name) = self._code_path(), self.target.partition(":")
        before = list(sys.path)
        sys.path[:] = self._search()
        try:
            if place.endswith(".py"):
                spec = importlib.util.spec_from_file_location(f"_accelsim_target_{path.stem}", path)
                if spec is None or spec.loader is None:
                    raise ImportError(f"{path} is no Python file")
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
            else:
                module = importlib.import_module(place)
        except (Exception, SystemExit) as error:
            raise InputError(
                f"target {self.target}: importing it fails: {type(error).__name__}: {first_line(error)}"
            ) from error
        finally:
            sys.path[:] = before
        if not callable(getattr(module, name, None)):
            raise InputError(f"target {self.target}: {path} has no function {name}")
        return getattr(module, name)


def load_weights(module: Any, path: Path) -> None:
    """Load the safetensors file `path` into `module`, every key and shape matched. Raises InputError otherwise."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"weights {path} cannot be read: {first_line(error)}") from None
    expected = module.state_dict()
    problems = [
        f"{label} {_some(keys)}"
        for label, keys in (
            ("missing", [k for k in expected if k not in state and not k.endswith("num_batches_tracked")]),
            ("unexpected", [k for k in state if k not in expected]),
            ("of another shape", [k for k in expected if k in state and state[k].shape != expected[k].shape]),
        )
        if keys
    ]
    if problems:
        raise InputError(f"weights {path} do not fit {type(module).__name__}: {'; '.join(problems)}")
    module.load_state_dict(state, strict=False)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, at most 200 characters."""
    return (str(error).strip().splitlines() or [""])[0][:200]


def _some(keys: list[str], most: int = 6) -> str:
    return ", ".join(keys[:most]) + (f" and {len(keys) - most} more" if len(keys) > most else "")
