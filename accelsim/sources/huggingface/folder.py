"""Where a network of transformers stands: a folder, one inside an installed package, or a name of the Hub."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from accelsim.errors import InputError
from accelsim.sources.digests import digest_file
from accelsim.sources.inputs.items import locate

CONFIG = "config.json"
_PACKAGE = "package:"


def find(model: str, beside: Path) -> Path | None:
    """Return the folder that `model` names, None for a name of the Hub.

    ``package:NAME/FOLDER`` is a folder inside an installed Python package. Raises InputError for a package that is
    not installed, a missing folder, or one without config.json.
    """
    if model.startswith(_PACKAGE):
        folder = _inside(model.removeprefix(_PACKAGE))
    else:
        folder = locate(model, beside)
        if not folder.is_dir():
            if model.startswith(("/", ".", "~")) or model.count("/") > 1:
                raise InputError(f"model {model}: no such folder", "give a folder with config.json and safetensors")
            return None
    if not (folder / CONFIG).is_file():
        raise InputError(f"folder {folder} has no {CONFIG}", "give a folder that save_pretrained wrote")
    return folder


def digests(folder: Path, weights: bool) -> dict[str, str]:
    """Return the SHA-256 of every file of `folder` that decides on the result; of its weights too when asked."""
    endings = (".json", ".txt", ".model", *([".safetensors"] if weights else []))
    return {p.name: digest_file(p) for p in sorted(folder.iterdir()) if p.suffix in endings and p.is_file()}


def _inside(place: str) -> Path:
    package, _, rest = place.partition("/")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            f"the package {package} is not installed", f"pip install --no-deps {package.replace('_', '-')}"
        )
    return Path(next(iter(spec.submodule_search_locations))) / rest
