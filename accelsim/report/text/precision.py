"""Terminal table of profiled precisions: bits per layer and operand, and what they could gain."""

from __future__ import annotations

from rich.table import Table

from accelsim.report import text
from accelsim.study.precision import MOST, Profile
from accelsim.units import engineering


def profile(found: Profile, name: str, inputs: int) -> Table:
    """Return a line per layer, and one of means weighed by MACs."""
    table = found.table()
    names = ["profiled_activation_bits", "profiled_weight_bits", "alone_activation_bits", "alone_weight_bits"]
    rows = [[str(r["layer"]), engineering(r["macs"]), *(str(r[c]) for c in names)] for r in table.to_dict("records")]
    means = table[names].mul(table["macs"], axis=0).sum() / table["macs"].sum()
    total = ["network (mean over MACs)", engineering(table["macs"].sum()), *(f"{means[c]:.2f}" for c in names)]
    unit = " dB" if found.metric == "PSNR" else " %"
    narrowed = [role for role in ("activation", "weight") if any(key[1] == role for key in found.bits)]
    gains = ", ".join(
        f"{label} {found.speedup(roles):.2f}x"
        for label, roles in (("Ap", ["activation"]), ("Wp", ["weight"]), ("Wp+Ap", ["activation", "weight"]))
        if set(roles) <= set(narrowed)
    )
    caption = (
        f"{found.metric} on {inputs} input(s): {found.full:.2f}{unit} at full precision, {found.reached:.2f}{unit} with this"
        f" profile, at least {found.floor:.2f}{unit} asked for; no operand can have one bit less by itself; bits include a sign"
        " where a value is negative; fixed point, the largest value of the layer kept, so that last bits go; alone: nothing"
        f" else narrowed; {found.scores} profiles scored; potential over {MOST} x {MOST} bits a MAC: {gains}"
    )
    head = ["layer", "MACs", "activation", "weight", "activation alone", "weight alone"]
    return text.table(f"Profiled precisions of {name}", head, rows, total, caption)
