"""The JavaScript libraries that pages carry inside, and the notices that their licences ask for."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Any

from accelsim.report.charts.figure import SCHEMA


@lru_cache(maxsize=1)
def libraries() -> str:
    """Return the libraries as text that may stand inside a script element. Raises ImportError without vl-convert-python."""
    import vl_convert

    version = SCHEMA.rpartition("/")[2].removesuffix(".json")
    bundle: Any = vl_convert.javascript_bundle  # its stub demands a snippet
    return str(bundle(vl_version=version)).replace("</script", "<\\/script")


@lru_cache(maxsize=1)
def notices() -> str:
    """Return the notices of the libraries, as text that may stand inside a comment of HTML."""
    return (files("accelsim.report.page") / "notices.txt").read_text(encoding="utf-8")


def with_notices(html: str) -> str:
    """Return a page that another tool wrote around the libraries, with their notices at its start."""
    start = "<!DOCTYPE html>\n"
    return f"{start}<!--\n{notices()}-->\n{html.removeprefix(start)}"
