"""What the speech networks of the reference data are fed, and how clean a voice is: cepstra, frames, SI-SDR."""

from __future__ import annotations

from typing import Any

import torch

BANDS, COUNT = 40, 10


def cepstra(waves: Any, frame: int, hop: int, offset: float = 0.0) -> Any:
    """Return ten cepstral coefficients per frame, (clips, frames, 10), as TensorFlow's audio operators give them.

    waves: (clips, 16000) at 16 kHz. 40 mel bands from 20 to 4000 Hz. offset: added before the logarithm (its signal
    operators are used so); without it the bands are bounded below.
    """
    window = torch.hann_window(frame, dtype=torch.float64)
    spectrum = torch.fft.rfft(waves.double().unfold(1, frame, hop) * window, n=1024).abs()
    bands = torch.log((spectrum @ _triangles(spectrum.shape[2])).clamp(min=0 if offset else 1e-12) + offset)
    places = torch.arange(BANDS, dtype=torch.float64) + 0.5
    cosines = torch.cos(torch.pi / BANDS * places[:, None] * torch.arange(COUNT)) * (2 / BANDS) ** 0.5
    return (bands @ cosines).float()


def _triangles(bins: int) -> Any:
    """Return the weights of the mel bands, (bins, bands)."""
    mel = 1127 * torch.log1p(torch.linspace(0, 8000, bins, dtype=torch.float64) / 700)[:, None]
    low, high = 1127 * torch.log1p(torch.tensor([20.0, 4000.0], dtype=torch.float64) / 700)
    edges = torch.linspace(0, 1, BANDS + 2, dtype=torch.float64) * (high - low) + low
    rise = (mel - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - mel) / (edges[2:] - edges[1:-1])
    return torch.minimum(rise, fall).clamp(min=0)


def overlapped(frames: Any, hop: int) -> Any:
    """Add up frames (count, length) that start `hop` samples apart."""
    count, length = frames.shape
    whole = torch.zeros(hop * (count - 1) + length)
    for place, frame in enumerate(frames):
        whole[hop * place : hop * place + length] += frame
    return whole


def noisy(voice: Any, decibel: float, seed: int) -> Any:
    """Add white noise to a voice, so many decibels below it."""
    noise = torch.randn(voice.shape, generator=torch.Generator().manual_seed(seed))
    return voice + noise * (voice.norm() / noise.norm()) * 10 ** (-decibel / 20)


def si_sdr(found: Any, voice: Any) -> float:
    """Return the scale-invariant ratio of voice to distortion in dB (Le Roux et al., ICASSP 2019, eq. 3)."""
    found, voice = found - found.mean(), voice - voice.mean()
    target = (found @ voice) / (voice @ voice) * voice
    return float(10 * torch.log10((target**2).sum() / ((found - target) ** 2).sum()))
