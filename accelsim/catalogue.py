"""Shipped YAML files found by name: `eyeriss`, `hwconfigs/eyeriss.yaml` and `configs/eyeriss.yaml` alike."""

from __future__ import annotations

from pathlib import Path, PurePath

from accelsim.errors import ConfigError, InputError, unknown_name
from accelsim.files.paths import user_path

FOLDERS = {"hardware": "hwconfigs", "workload": "workloads", "dram": "hwconfigs/dram", "energy": "hwconfigs/energy"}
_SHIPPED = (".", "configs", *FOLDERS.values())


def folder(kind: str) -> Path:
    """Return the folder of shipped files of `kind`, a name in `FOLDERS`.

    An installed wheel carries it inside the package; a checkout has it beside the package.
    """
    package = Path(__file__).resolve().parent
    inside = package / FOLDERS[kind]
    return inside if inside.is_dir() else package.parent / FOLDERS[kind]


def names(kind: str) -> list[str]:
    """List the stems of the shipped files of `kind`."""
    return sorted(p.stem for p in folder(kind).glob("*.yaml"))


def find(kind: str, reference: str) -> Path:
    """Return the file meant by `reference`: an existing path, or a shipped file of that stem.

    Names of shipped files may stand in a folder called configs, hwconfigs or workloads. Raises UnknownNameError
    with the nearest names, InputError when another path does not exist, ConfigError when it is a folder.
    """
    path = user_path(reference)
    if path.is_file():
        return path
    if path.is_dir() and path.suffix:
        raise ConfigError(f"{reference} is a folder", f"give a {kind} YAML file or one of: {', '.join(names(kind))}")
    pure = PurePath(reference)
    stem = pure.stem if pure.suffix in (".yaml", ".yml") else pure.name
    if str(pure.parent) not in _SHIPPED:
        raise InputError(f"no such file: {reference}", f"shipped {kind} files: {', '.join(names(kind))}")
    if stem in names(kind):
        return folder(kind) / f"{stem}.yaml"
    raise unknown_name(kind, reference if stem == pure.name else stem, names(kind))
