"""A published energy table: what an add, a multiplication or an access cost, word width, technology and source each."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from accelsim import catalogue, config
from accelsim.config import Sourced
from accelsim.errors import ConfigError, unknown_name
from accelsim.hardware.energy.scaling import scale_energy

Part = Literal["add", "multiply", "mac", "compare", "register", "sram", "network", "dram", "control"]


class Action(Sourced):
    """Energy of one action on a word of `bits`: in `pj`, or `relative` to the table's unit.

    high: the upper end where the source gives a range. size_bytes: capacity of the memory that is accessed.
    """

    part: Part
    number: Literal["integer", "float"] = "integer"
    bits: int = Field(ge=1)
    pj: float | None = Field(default=None, ge=0)
    relative: float | None = Field(default=None, ge=0)
    high: float | None = Field(default=None, ge=0)
    size_bytes: float | None = Field(default=None, gt=0)
    note: str = ""

    @model_validator(mode="after")
    def _one_value(self) -> Action:
        if (self.pj is None) == (self.relative is None):
            raise ValueError("give pj or relative, not both and not neither")
        if self.high is not None and self.high < self.value:
            raise ValueError("high is below the value")
        return self

    @property
    def value(self) -> float:
        """The number of the table: pJ, or a multiple of its unit."""
        return self.pj if self.pj is not None else self.relative or 0.0


class EnergySource(Sourced):
    """An energy table: its actions, the node and voltage they hold for, static power where it is known.

    unit: what a relative table counts in, for example `one 16-bit multiply-accumulate`.
    """

    name: str
    description: str
    technology_nm: float | None = Field(default=None, gt=0)
    volt: float | None = Field(default=None, gt=0)
    unit: str = "pJ"
    static_mw: float | None = Field(default=None, ge=0)
    actions: dict[str, Action] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _inherit_source(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("actions"), dict) or "source" not in data:
            return data
        actions = {
            name: {"source": data["source"], **action} if isinstance(action, dict) else action
            for name, action in data["actions"].items()
        }
        return {**data, "actions": actions}

    @model_validator(mode="after")
    def _one_unit(self) -> EnergySource:
        wrong = [name for name, action in self.actions.items() if (action.pj is None) != self.is_relative]
        if wrong:
            raise ValueError(f"action {wrong[0]!r} is not in the table's unit, {self.unit}")
        return self

    @property
    def is_relative(self) -> bool:
        """Whether the table gives ratios only."""
        return self.unit != "pJ"

    @property
    def parts(self) -> list[str]:
        """What the table covers, for example add, multiply, sram, dram."""
        return sorted({action.part for action in self.actions.values()})

    def pj(self, name: str) -> float:
        """Return pJ of the action `name`.

        Raises UnknownNameError with the nearest names, ConfigError when the table is relative.
        """
        if name not in self.actions:
            raise unknown_name(f"action of {self.name}", name, self.actions)
        if self.is_relative:
            raise ConfigError(f"{self.name} counts in units of {self.unit}", "fix the unit with anchored(unit_pj)")
        return self.actions[name].value

    def anchored(self, unit_pj: float) -> EnergySource:
        """Return the relative table in pJ when its unit costs `unit_pj`. Raises ConfigError when it is in pJ."""
        if not self.is_relative:
            raise ConfigError(f"{self.name} is in pJ already")
        return self._mapped(unit_pj, {"unit": "pJ"})

    def at(self, technology_nm: float) -> EnergySource:
        """Return the on-chip actions in another node by `scale_energy`; DRAM and static power are left as they are.

        Raises ConfigError when the table is relative or of no known node, or a node is outside the rule.
        """
        if self.technology_nm is None or self.is_relative:
            raise ConfigError(f"{self.name} is not in pJ of a known technology, so it cannot be scaled to another")
        factor = scale_energy(1.0, self.technology_nm, technology_nm)
        return self._mapped(factor, {"technology_nm": technology_nm}, spared="dram")

    def _mapped(self, factor: float, update: dict[str, Any], spared: str = "") -> EnergySource:
        actions = {}
        for name, action in self.actions.items():
            ratio = 1.0 if action.part == spared else factor
            high = None if action.high is None else action.high * ratio
            actions[name] = action.model_copy(update={"pj": action.value * ratio, "relative": None, "high": high})
        return self.model_copy(update={**update, "actions": actions})


def load_energy(reference: str) -> EnergySource:
    """Return the energy table `reference`: a shipped name such as horowitz_45nm, or a path to a YAML file.

    Raises UnknownNameError with the nearest names, ConfigError listing every problem of the file.
    """
    return config.load(EnergySource, catalogue.find("energy", reference))
