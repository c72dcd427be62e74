"""The JavaScript libraries that pages carry inside, and the notices that their licences ask for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import version as installed
from importlib.resources import files
from typing import Any

from accelsim.files.cache import cache_folder, optionally
from accelsim.files.writing import write_atomically
from accelsim.report.charts.figure import SCHEMA

_VERSION = SCHEMA.rpartition("/")[2].removesuffix(".json").replace(".", "_")
_REMOTE = re.compile(r'<script src="https://[^"]*"></script>(\s*<script src="https://[^"]*"></script>)*')


@lru_cache(maxsize=4)
def libraries(version: str = _VERSION) -> str:
    """Return the libraries as text that may stand inside a script element. Raises ImportError without vl-convert-python.

    version: of Vega-Lite. Putting them together takes longer than any figure, so they are kept in the cache folder.
    """
    import vl_convert

    name = f"vega-{installed('vl-convert-python')}-{version}.js".replace("/", "-")
    kept = cache_folder() / "libraries" / name
    try:
        digest, _, data = kept.read_bytes().partition(b"\n")
        if digest.decode() == hashlib.sha256(data).hexdigest():
            return data.decode()
    except (OSError, ValueError):
        pass
    bundle: Any = vl_convert.javascript_bundle  # its stub demands a snippet
    text = str(bundle(vl_version=version)).replace("</script", "<\\/script")
    data = text.encode()
    optionally(lambda: write_atomically(kept, hashlib.sha256(data).hexdigest().encode() + b"\n" + data))
    return text


def standing_alone(spec: Mapping[str, Any], version: str) -> str:
    """Return a page that draws the Vega-Lite `spec` without a network. Raises ImportError without vl-convert-python."""
    import vl_convert

    page = str(vl_convert.vegalite_to_html(dict(spec), vl_version=version, bundle=False))
    script = f'<script type="text/javascript">{libraries(version)}</script>'
    alone, found = _REMOTE.subn(lambda _: script, page)
    return with_notices(
        alone if found == 1 else vl_convert.vegalite_to_html(dict(spec), vl_version=version, bundle=True)
    )


@lru_cache(maxsize=1)
def notices() -> str:
    """Return the notices of the libraries, as text that may stand inside a comment of HTML."""
    return (files("accelsim.report.page") / "notices.txt").read_text(encoding="utf-8")


def with_notices(html: str) -> str:
    """Return a page that another tool wrote around the libraries, with their notices at its start."""
    start = "<!DOCTYPE html>\n"
    return f"{start}<!--\n{notices()}-->\n{html.removeprefix(start)}"
