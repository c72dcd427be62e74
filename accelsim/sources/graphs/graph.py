"""A network as a list of operators in the order they run: who reads what, and where a product's result is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Role(Enum):
    """How capture treats an operator."""

    PRODUCT = "captured"
    ELEMENTWISE = "keeps the order of elements: followed to the stored output"
    VIEW = "rearranges"
    SOFTMAX = "marks the score product of an attention"
    CODES = "turns real numbers into codes: what it gives is the stored output"
    OTHER = "ends the chain to the stored output"


@dataclass(frozen=True)
class Node:
    """One operator. inputs, outputs: names of tensors, empty for those left out."""

    index: int
    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)

    def input(self, place: int) -> str:
        """Return the name of an input, empty when it is left out."""
        return self.inputs[place] if place < len(self.inputs) else ""


Roles = Callable[[Node], Role]


def followed(nodes: Iterable[Node], roles: Roles, products: Iterable[Node]) -> dict[int, list[str]]:
    """Return, by the index of each product, the tensors its result becomes one after another.

    The last of them that has as many elements as the result is its stored output. A result is followed through
    element-wise operators as long as the first operator to read it is one; where such an operator joins two results,
    the later product takes it. Codes made of a result are the end: the model stores these.
    """
    chains: dict[int, list[str]] = {}
    heads: dict[str, int] = {}
    wanted = {node.index for node in products}
    for node in nodes:
        found = sorted({heads.pop(name) for name in node.inputs if name in heads})
        if node.index in wanted:
            chains[node.index] = [node.outputs[0]]
            heads[node.outputs[0]] = node.index
        elif found and roles(node) is Role.ELEMENTWISE:
            chains[found[-1]].append(node.outputs[0])
            heads[node.outputs[0]] = found[-1]
        elif found and roles(node) is Role.CODES:
            chains[found[-1]].append(node.outputs[0])
    return chains


def attention(nodes: Iterable[Node], roles: Roles, products: Sequence[Node]) -> dict[int, str]:
    """Return "qk" for each product of two activations that a softmax follows, "pv" for one that follows the softmax."""
    marks: dict[str, int | str] = {}
    found: dict[int, str] = {}
    wanted = {node.index for node in products}
    for node in nodes:
        seen = [marks[name] for name in node.inputs if name in marks]
        role = roles(node)
        if node.index in wanted:
            if "softmax" in seen:
                found[node.index] = "pv"
            marks[node.outputs[0]] = node.index
        elif seen and role in (Role.ELEMENTWISE, Role.VIEW, Role.CODES, Role.SOFTMAX):
            mark = seen[0]
            if role is Role.SOFTMAX:
                if isinstance(mark, int):
                    found[mark] = "qk"
                mark = "softmax"
            marks.update(dict.fromkeys(node.outputs, mark))
    return found


def static(nodes: Iterable[Node], constants: Iterable[str], random: Callable[[Node], bool]) -> set[str]:
    """Return the tensors that do not depend on the input: constants and what is computed from them alone."""
    known = set(constants)
    for node in nodes:
        if all(name in known for name in node.inputs if name) and not random(node):
            known.update(name for name in node.outputs if name)
    return known
