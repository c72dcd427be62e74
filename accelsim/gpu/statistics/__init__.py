"""The statistics of `accelsim.analyzers` on torch tensors of any device, bit for bit; codes stay where they are."""

from __future__ import annotations

from typing import Any


def engine_on(device: str) -> Any:
    """Return the engine (`engine.DeviceEngine`) that counts on `device`, "cpu" or "cuda"; loads torch.

    Raises ConfigError in one line where there is no such device.
    """
    from accelsim.gpu.statistics.engine import DeviceEngine
    from accelsim.gpu.statistics.tensors import device_of

    return DeviceEngine(device_of(device))
