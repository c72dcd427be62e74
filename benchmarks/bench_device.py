"""Time the value-wise analysis of torch tensors against copying them: `python -m benchmarks.bench_device --device cuda`."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch

from accelsim.gpu.statistics.histogram import value_histogram
from accelsim.gpu.statistics.tensors import device_of
from benchmarks.bench_analyze import PROPERTIES, median_s


def every_property(codes: torch.Tensor) -> dict[str, int]:
    """Return every value-wise property of 16-bit codes on a device; only the bins come to the host."""
    histogram = value_histogram(codes)
    found = {name: histogram.total(name, 16) for name in PROPERTIES}
    return {**found, "zeros": histogram.zeros, "distinct": histogram.distinct, "union": histogram.union}


def main() -> None:
    """Print, per distribution, the median times and bandwidth relative to a copy on the same device."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--mebi", type=int, default=16, help="values, in units of 2^20 (1024 on a GPU)")
    parser.add_argument("--sigma", type=float, default=3000.0, help="standard deviation of the codes")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    device = device_of(options.device)
    generator = torch.Generator(device).manual_seed(0)
    drawn = torch.empty(options.mebi << 20, dtype=torch.float16, device=device)
    drawn.normal_(0.0, options.sigma, generator=generator)
    codes = drawn.round_().clamp_(-32767, 32767).to(torch.int16)
    del drawn

    def timed(action: Callable[[], object]) -> float:
        def whole() -> None:
            action()
            if device.type == "cuda":
                torch.cuda.synchronize()

        return median_s(whole, options.repeats)

    for name, array in (("Gaussian", codes), ("after ReLU", codes.clamp(min=0))):
        copy_s, analyze_s = timed(array.clone), timed(lambda a=array: every_property(a))
        print(
            f"{name:10}  {array.numel() >> 20} Mi int16 on {device}  analysis {1e3 * analyze_s:6.1f} ms"
            f"  copy {1e3 * copy_s:6.1f} ms  bandwidth ratio {copy_s / analyze_s:.3f}"
        )


if __name__ == "__main__":
    main()
