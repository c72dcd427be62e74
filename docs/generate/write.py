"""Write the pages of the reference into a folder; a page that did not change is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from docs.generate import others

INDEX = """# Reference

Written from the code when these pages are built.

```{toctree}
command_line
machine_keys
workload_keys
dram_keys
energy_keys
columns
machines
catalogues
python
```
"""


def write(folder: Path) -> None:
    """Write every page into `folder`, and remove pages that are no longer written."""
    others.watch()
    from docs.generate import command_line, machines

    pages: dict[str, Iterator[str]] = {
        "columns": others.columns_page(),
        "command_line": command_line.page(),
        "machine_keys": machines.yaml_page(),
        "machines": machines.models_page(),
        "workload_keys": others.workloads_page(),
        "dram_keys": others.dram_page(),
        "energy_keys": others.energy_page(),
        "catalogues": others.catalogues_page(),
        "python": others.python_page(),
        "index": iter([INDEX]),
        "tests": others.tests_page(),
    }
    folder.mkdir(exist_ok=True)
    for name, lines in pages.items():
        path, content = folder / f"{name}.md", "\n".join(lines).rstrip() + "\n"
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")
    for path in folder.glob("*.md"):
        if path.stem not in pages:
            path.unlink()
