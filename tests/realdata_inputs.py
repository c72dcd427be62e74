"""Real inputs for the trained networks of the reference data, prepared as each network's authors say."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from PIL import Image  # noqa: E402

Inputs = list[tuple[Any, ...]]
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def picture(path: Path, size: int | None = None, mode: str = "RGB") -> Any:
    """Read an image as (1, channels, H, W) in 0..255; `size` takes the square in its middle."""
    image = Image.open(path).convert(mode)
    if size:
        left, top = (image.width - size) // 2, (image.height - size) // 2
        image = image.crop((left, top, left + size, top + size))
    values = torch.from_numpy(np.array(image)).float()
    return (values[None] if values.dim() == 2 else values.permute(2, 0, 1))[None]


def imagenet(data: Path, normalise: Callable[[Any], Any], count: int = 1, size: int | None = None) -> Inputs:
    paths = sorted((data / "imagenet500").glob("*.jpg"))[:count]
    return [(normalise(picture(path, size)),) for path in paths]


def cifar(data: Path, normalise: Callable[[Any], Any], count: int = 2) -> Inputs:
    with np.load(data / "cifar10" / "test_jpeg.npz") as archive:
        offsets, stream = archive["offsets"], archive["jpeg"].tobytes()
    images = [picture(io.BytesIO(stream[offsets[i] : offsets[i + 1]])) for i in range(count)]  # type: ignore[arg-type]
    return [(normalise(image),) for image in images]


def torchvision_like(x: Any) -> Any:
    return (x / 255 - MEAN) / STD


def cifar_like(x: Any) -> Any:
    mean, std = (
        torch.tensor([0.4914, 0.4822, 0.4465]).view(1, 3, 1, 1),
        torch.tensor([0.2023, 0.1994, 0.2010]).view(1, 3, 1, 1),
    )
    return (x / 255 - mean) / std


def noisy(data: Path, mode: str, size: int) -> Inputs:
    clean = picture(data / "bsd68_12" / "test001.png", size, mode) / 255
    return [(clean + 25 / 255 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0)),)]


def small(data: Path, size: int) -> Inputs:
    """Y of a photograph at half its size, as super-resolution networks take it."""
    image = Image.open(data / "set5" / "butterfly.png").convert("YCbCr").split()[0]
    image = image.resize((image.width // 2, image.height // 2), Image.Resampling.BICUBIC).crop((0, 0, size, size))
    return [(torch.from_numpy(np.array(image)).float()[None, None] / 255,)]


def speech(data: Path) -> Any:
    with np.load(data / "audio" / "speech_commands_300.npz") as archive:
        return torch.from_numpy(archive["wave"][:2].astype(np.float32) / 32768)


def cepstra(data: Path, frame: int, hop: int, count: int) -> Inputs:
    """Ten cepstral coefficients per frame: logarithms of 40 mel bands, cosine transform."""
    found: Inputs = []
    for clip in speech(data):
        spectrum = torch.fft.rfft(clip.unfold(0, frame, hop) * torch.hann_window(frame), n=1024).abs()
        mel = 700 * (10 ** (torch.linspace(31.7, 2840, 42) / 2595) - 1) / 8000 * 512
        bins = torch.arange(513.0)
        rise = (bins - mel[:-2, None]) / (mel[1:-1] - mel[:-2])[:, None]
        fall = (mel[2:, None] - bins) / (mel[2:] - mel[1:-1])[:, None]
        bands = torch.log(spectrum @ torch.minimum(rise, fall).clamp(min=0).t() + 1e-6)
        cosines = torch.cos(torch.pi / 40 * (torch.arange(40) + 0.5)[:, None] * torch.arange(10)) * (2 / 40) ** 0.5
        found.append(((bands @ cosines)[None, :count],))
    return found


def long_speech(data: Path) -> Any:
    with wave.open(str(data / "audio" / "vad_speech_30s.wav")) as file:
        return torch.from_numpy(np.frombuffer(file.readframes(48000), np.int16).astype(np.float32) / 32768)


def voice(data: Path) -> Inputs:
    return [(long_speech(data)[start : start + 576][None],) for start in (16000, 24000)]


def frames(data: Path) -> Inputs:
    return [(long_speech(data)[16000:22000].unfold(0, 512, 128)[None],)]


def text(data: Path) -> Inputs:
    content = (data / "text" / "tinyshakespeare_last200k.txt").read_text()
    characters = sorted(set(content))
    return [(torch.tensor([[min(characters.index(c), 64) for c in content[:80]]]),)]


def street(data: Path, normalise: Callable[[Any], Any], size: int) -> Inputs:
    return [(normalise(picture(data / "camvid" / "test" / "0001TP_008550.png", size)),)]


def espnet(x: Any) -> Any:
    mean, std = (
        torch.tensor([72.39, 82.91, 73.16]).view(1, 3, 1, 1),
        torch.tensor([45.32, 46.15, 44.91]).view(1, 3, 1, 1),
    )
    return (x.flip(1) - mean) / std / 255


def cgnet(x: Any) -> Any:
    return x - torch.tensor([72.39, 82.91, 73.16]).view(1, 3, 1, 1)


def mosaic(data: Path) -> Inputs:
    image = picture(data / "set5" / "bird.png", 64) / 255
    mask = torch.zeros_like(image)
    mask[:, 1, 0::2, 0::2] = mask[:, 1, 1::2, 1::2] = mask[:, 0, 0::2, 1::2] = mask[:, 2, 1::2, 0::2] = 1
    return [(image * mask,)]


def scaled(x: Any) -> Any:
    return x / 127.5 - 1


NETWORKS: dict[str, Callable[[Path], Inputs]] = {
    "squeezenet1_0_deepcompressed": lambda d: imagenet(d, torchvision_like),
    "squeezenet1_1": lambda d: imagenet(d, torchvision_like, 2),
    "mobilenet_v1_025_224": lambda d: imagenet(d, scaled),
    "mobilenet_v1_100_224": lambda d: imagenet(d, scaled),
    "mobilenet_v2_qat": lambda d: imagenet(d, torchvision_like),
    "tinydarknet": lambda d: imagenet(d, lambda x: x / 255),
    "resnet20_cifar10": lambda d: cifar(d, cifar_like),
    "resnet20_thinned_cifar10": lambda d: cifar(d, lambda x: (x / 255 - 0.5) / 0.5),
    "resnet56_cifar10": lambda d: cifar(d, cifar_like),
    "bnn_cnv_w1a1": lambda d: cifar(d, lambda x: torch.floor((2 * x / 255 - 1) * 128) / 128),
    "dncnn_s25": lambda d: noisy(d, "L", 48),
    "dncnn_color25": lambda d: noisy(d, "RGB", 48),
    "ffdnet_gray": lambda d: noisy(d, "L", 65),
    "vdsr": lambda d: [(picture(d / "set5" / "head.png", 48, "L") / 255,)],
    "fsrcnn_x2": lambda d: small(d, 64),
    "espcn_x2": lambda d: small(d, 64),
    "demosaicnet_bayer": mosaic,
    "espnet_cityscapes": lambda d: street(d, espnet, 128),
    "espnet_camvid": lambda d: street(d, espnet, 128),
    "enet_camvid": lambda d: street(d, lambda x: x / 255, 128),
    "cgnet_camvid": lambda d: street(d, cgnet, 128),
    "kws_lstm_s": lambda d: cepstra(d, 640, 320, 49),
    "kws_lstm_l": lambda d: cepstra(d, 640, 320, 49),
    "kws_gru_s": lambda d: cepstra(d, 640, 640, 25),
    "kwt1": lambda d: [(clip[None],) for clip in speech(d)],
    "dtln": frames,
    "silero_vad": voice,
    "char_rnn_shakespeare": text,
}
HEAVY = {"mobilenet_v1_100_224", "mobilenet_v2_qat", "resnet56_cifar10", "tinydarknet", "kws_lstm_l"}
FFT = {"dtln"}
