"""Read WAV files as waveforms."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

from accelsim.errors import InputError
from accelsim.sources.inputs.spec import Inputs

Waveform = npt.NDArray[np.float32]

MOST_VALUES = 1 << 28
"""Values of one input; frames that overlap repeat their samples."""


def waveform(path: Path, inputs: Inputs) -> Waveform:
    """Return a PCM WAV file as (1, T), or (1, frames, frame) when `frame` is declared; values in [-1, 1).

    Channels are averaged. Raises InputError when it is no PCM WAV, is shorter than a frame or has another rate.
    """
    values, rate = _read(path)
    if inputs.rate is not None and rate != inputs.rate:
        raise InputError(f"{path} has {rate} samples a second, expected {inputs.rate}", "resample it first")
    if inputs.length is not None:
        values = np.pad(values[: inputs.length], (0, max(0, inputs.length - values.size)))
    if inputs.frame is None:
        return values[None]
    if values.size < inputs.frame:
        raise InputError(f"{path} has {values.size} samples, fewer than a frame of {inputs.frame}", "declare `length`")
    frames = np.lib.stride_tricks.sliding_window_view(values, inputs.frame)[:: inputs.hop or inputs.frame]
    if frames.size > MOST_VALUES:
        raise InputError(
            f"{path}: {len(frames)} frames of {inputs.frame} samples are too many", "declare a larger `hop`"
        )
    return np.ascontiguousarray(frames)[None]


def _read(path: Path) -> tuple[Waveform, int]:
    try:
        with wave.open(str(path)) as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            if width not in (1, 2, 3, 4):
                raise wave.Error(f"samples of {width} bytes")
            data = file.readframes(min(file.getnframes(), path.stat().st_size // (width * channels)))
    except (OSError, EOFError, ValueError, RuntimeError, OverflowError, wave.Error) as error:
        reason = str(error) or "it ends early"
        raise InputError(f"{path} cannot be read as a WAV file ({reason})", "give a PCM WAV") from None
    data = data[: len(data) // (width * channels) * (width * channels)]
    if not data:
        raise InputError(f"{path} holds no sound")
    if width == 1:  # the only unsigned width of the format
        values = np.frombuffer(data, np.uint8).astype(np.float64) - 128
    elif width == 3:
        bytes_ = np.frombuffer(data, np.uint8).reshape(-1, 3)
        values = np.pad(bytes_, ((0, 0), (1, 0))).view("<i4")[:, 0].astype(np.float64) / 256
    else:
        values = np.frombuffer(data, f"<i{width}").astype(np.float64)
    mono = values.reshape(-1, channels).mean(1) / 2 ** (8 * width - 1)
    return mono.astype(np.float32), rate
