"""Setuptools entry: ships hwconfigs/ and workloads/ inside the wheel as package data (metadata is in setup.cfg)."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree, rmtree

from setuptools import setup
from setuptools.command.build_py import build_py

CATALOGUES = ("hwconfigs", "workloads")


class BuildWithCatalogues(build_py):
    """Copy the shipped YAML folders beside the package's modules; an editable install reads them in place."""

    def run(self) -> None:
        if not self.editable_mode:  # what an earlier build left there may have been deleted since
            rmtree(Path(self.build_lib) / "accelsim", ignore_errors=True)
        super().run()
        if self.editable_mode:
            return
        for name in CATALOGUES:
            copytree(Path(__file__).parent / name, Path(self.build_lib) / "accelsim" / name, dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithCatalogues})
