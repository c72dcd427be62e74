"""Bundles that hold a recipe in place of codes: a layer is made anew whenever it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from accelsim.errors import AccelsimError, BundleError, first_line
from accelsim.layer import Layer
from accelsim.registry import Registry
from accelsim.trace.manifest import refusal

MAKERS = Registry("maker of codes", "accelsim.sources.makers")
maker = MAKERS.register


class Maker(Protocol):
    """What makes the layers of one recipe, the same codes for the same recipe at any time, in any order and thread."""

    def layer(self, index: int, sample: int) -> Layer:
        """Return layer `index` on input `sample`; its weights are those of any other sample still in use."""


def maker_of(path: Path, manifest: dict[str, Any]) -> Maker | None:
    """Return the maker that the manifest of the bundle at `path` names; None where its codes are in files.

    Raises BundleError when there is no such maker, or it cannot follow the recipe.
    """
    made = manifest.get("made")
    if made is None:
        return None
    try:
        found: Maker = MAKERS.get(str(made["maker"]))(made["recipe"])
    except (KeyError, TypeError):
        raise refusal(path, "its recipe is not complete") from None
    except (AccelsimError, ValueError) as error:
        reason = first_line(error)
        raise BundleError(f"bundle {path}: its codes cannot be made ({reason})", "make the bundle again") from None
    return found
