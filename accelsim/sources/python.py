"""Any PyTorch network of the user's own code: a function that makes it, and a file of weights."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from pydantic import Field

from accelsim.errors import AccelsimError, InputError, first_line
from accelsim.files.paths import user_path
from accelsim.sources import Loaded, source
from accelsim.sources.digests import digest_file
from accelsim.sources.inputs.fed import Fed
from accelsim.sources.inputs.pictures import Preparation
from accelsim.sources.inputs.reading import Taken, read
from accelsim.sources.inputs.sentences import encoder
from accelsim.sources.state import UNTRAINED, load_weights, weight_file
from accelsim.sources.vision.quantised import holds_codes, load_state


@source("python")
class Python(Fed):
    """A network made by your own function `target`, which returns (module, list of input tuples).

    With `inputs` in the workload the target may return the module alone: each input is then its one argument, a
    picture (1, C, H, W), sound (1, T), token ids (1, T) or a row of an array. The content key covers the target's
    file, the weight file and the inputs, not what the target's file imports: after a change elsewhere, capture
    with --force.
    """

    target: str = Field(pattern=r"^[^:\s]+:[A-Za-z_]\w*$", description="package.module:function or file.py:function")
    weights: str = Field(
        default="random",
        description="path of a state dict (safetensors or .pth); `random`: untrained; `made`: the target loads its own",
    )
    seed: int = Field(default=0, ge=0, description="seed of torch while the target runs")

    def fingerprint(self) -> dict[str, Any]:
        """Return the digests of the target's file and of the weights. Raises InputError when one is missing."""
        path = self._weight_path()
        return {
            "target": self.target,
            "code": digest_file(self._code_path()),
            "weights": digest_file(path) if path else self.weights,
            "seed": self.seed,
            **({"inputs": self.input_digests()} if self.inputs.files else {}),
        }

    def load(self) -> Loaded:
        """Call the target and load the weights into its module, every key matched.

        Raises InputError when the target fails or the weights do not fit.
        """
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
        module, inputs = self._split(made)
        path = self._weight_path()
        if path is not None:
            (load_state if holds_codes(module) else load_weights)(module, path)
        if self.weights == "random":
            return Loaded(module, inputs, [UNTRAINED], trained=False)
        return Loaded(module, inputs)

    def _split(self, made: Any) -> tuple[Any, list[Any]]:
        """Return module and inputs of what the target made; inputs of the workload take the place of its own."""
        import torch

        module = made[0] if isinstance(made, tuple) and made else made
        given = bool(self.inputs.files)
        whole = isinstance(made, tuple) and len(made) == 2 and isinstance(made[1], list | tuple)
        if not isinstance(module, torch.nn.Module) or not (whole or given):
            raise InputError(
                f"{self.target} must return (torch.nn.Module, list of input tuples)",
                "or the module alone, with `inputs` in the workload",
            )
        if not given:
            return module, list(made[1])
        path = self.tokenizer_path
        encode = None if path is None else encoder(path)
        words = "files of pictures, sound or arrays, or sentences with a `tokenizer`"
        taken = Taken(words, Preparation().declared(self.inputs), encode, anything=True)
        return module, read(self.items(), self.inputs, taken)

    def _weight_path(self) -> Path | None:
        if self.weights in ("random", "made"):
            return None
        return weight_file(self.weights, self._folder)

    def _search(self) -> list[str]:
        return [str(self._folder.resolve()), str(Path.cwd()), *sys.path]

    def _code_path(self) -> Path:
        """Find the target's file without importing anything."""
        place = self.target.partition(":")[0]
        if place.endswith(".py"):
            path = self._folder / user_path(place)
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
