"""Settings of the documentation: ``make docs``, or ``python -m sphinx -W docs docs/_build/html``. Needs no network."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
os.environ.setdefault("ACCELSIM_CACHE", str(HERE / "_build" / "cache"))  # what the tutorials capture

from accelsim import __version__  # noqa: E402
from docs.generate.write import write  # noqa: E402

write(HERE / "reference")

project = "accelsim"
author = "the accelsim authors"
project_copyright = author
version = release = __version__
extensions = ["myst_nb"]
exclude_patterns = ["_build", "generate"]
templates_path: list[str] = []

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / "notebooks")
nb_execution_timeout = 900  # seconds a cell; a first run compiles, perhaps on a busy computer
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_merge_streams = True

html_theme = "pydata_sphinx_theme"
html_title = f"accelsim {__version__}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": True,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def setup(app: Any) -> None:
    """List pages of this folder that howto.md does not name at the end of its table."""
    app.connect("source-read", _list_others)
    app.connect("env-get-outdated", lambda *_: ["howto"])


def _list_others(_: Any, docname: str, source: list[str]) -> None:
    if docname == "howto":
        named = {"index", "howto", *source[0].split("\n")}
        others = sorted(path.stem for path in HERE.glob("*.md") if path.stem not in named)
        source[0] = source[0].replace("(every other page)", "\n".join(others))
