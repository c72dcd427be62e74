"""Energy of logic in another technology node or at another voltage, by the equations of Stillmaker and Baas."""

from __future__ import annotations

from functools import cache

import numpy as np
from pydantic import Field

from accelsim import catalogue, config
from accelsim.config import Sourced, Spec
from accelsim.errors import ConfigError


class Node(Spec):
    """Relative energy of a gate in a node as a polynomial of the voltage: a2 V^2 + a1 V + a0."""

    technology_nm: float = Field(gt=0)
    a2: float
    a1: float
    a0: float

    def at(self, volt: float) -> float:
        """Return the polynomial at `volt`."""
        return (self.a2 * volt + self.a1) * volt + self.a0


class ScalingRule(Sourced):
    """The rule: polynomials of the nodes, the voltages they hold for, and the voltage taken when none is given."""

    name: str
    description: str
    default_volt: float = Field(gt=0)
    lowest_volt: float = Field(gt=0)
    highest_volt: float = Field(gt=0)
    nodes: list[Node] = Field(min_length=2)

    def relative(self, technology_nm: float, volt: float | None) -> float:
        """Return the relative energy at a node and a voltage, linear between the nodes of the rule.

        Raises ConfigError outside the nodes or the voltages of the rule.
        """
        volt = self.default_volt if volt is None else volt
        nodes = sorted(self.nodes, key=lambda node: node.technology_nm)
        sizes = [node.technology_nm for node in nodes]
        if not sizes[0] <= technology_nm <= sizes[-1]:
            raise ConfigError(
                f"{technology_nm:g} nm is outside the rule for scaling energy between technology nodes",
                f"it holds from {sizes[0]:g} to {sizes[-1]:g} nm ({self.source.split(';')[0]})",
            )
        if not self.lowest_volt <= volt <= self.highest_volt:
            raise ConfigError(
                f"{volt:g} V is outside the rule for scaling energy between technology nodes",
                f"it holds from {self.lowest_volt:g} to {self.highest_volt:g} V",
            )
        return float(np.interp(technology_nm, sizes, [node.at(volt) for node in nodes]))


@cache
def scaling_rule() -> ScalingRule:
    """Return the shipped rule, hwconfigs/energy/models/scaling.yaml."""
    return config.load(ScalingRule, catalogue.folder("energy") / "models" / "scaling.yaml")


def scale_energy(
    pj: float, from_nm: float, to_nm: float, from_volt: float | None = None, to_volt: float | None = None
) -> float:
    """Return what `pj` in a circuit of `from_nm` becomes in `to_nm`, from 130 to 7 nm.

    Voltages default to 0.8 V at both ends, so that a node is compared with another at the same voltage; give both
    to count a lower supply too. Raises ConfigError outside the rule. Source: Stillmaker and Baas, Integration 2017.
    """
    rule = scaling_rule()
    return pj * (rule.relative(to_nm, to_volt) / rule.relative(from_nm, from_volt))
