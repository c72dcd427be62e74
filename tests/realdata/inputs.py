"""Real inputs for the trained networks of the reference data, prepared as each network's authors say."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from PIL import Image  # noqa: E402

from tests.realdata import sound  # noqa: E402

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


def noisy(data: Path, mode: str, size: int) -> Inputs:
    clean = picture(data / "bsd68_12" / "test001.png", size, mode) / 255
    return [(clean + 25 / 255 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0)),)]


def luma(path: Path, size: int | None = None) -> Any:
    """Read Y of a picture as (1, 1, H, W) in 0..255."""
    return picture(path, size, "YCbCr")[:, :1]


def halved(y: Any) -> Any:
    """Halve a picture as OpenCV's bicubic interpolation does (no smoothing before), to whole numbers again."""
    half = [size // 2 for size in y.shape[2:]]
    return torch.nn.functional.interpolate(y, half, mode="bicubic").round().clamp(0, 255)


def small(data: Path, size: int) -> Inputs:
    """Y of a photograph at half its size, as super-resolution networks take it."""
    return [(halved(luma(data / "set5" / "butterfly.png", 2 * size)) / 255,)]


def enlarged(data: Path, size: int) -> Inputs:
    """Y of a photograph at a third of its size, enlarged again, as VDSR takes it."""
    return [(studio(coarse(Image.open(data / "set5" / "butterfly.png").crop((0, 0, size, size)), 3)) / 255,)]


def coarse(image: Image.Image, factor: int) -> Image.Image:
    """Return a picture made smaller by `factor` and enlarged again, bicubic, in 8 bits."""
    low = image.resize((image.width // factor, image.height // factor), Image.Resampling.BICUBIC)
    return low.resize(image.size, Image.Resampling.BICUBIC)


def studio(image: Image.Image) -> Any:
    """Return Y of an RGB picture in the studio range 16..235 as (1, 1, H, W), as MATLAB's rgb2ycbcr gives it."""
    weights = np.array([65.481, 128.553, 24.966]) / 255
    return torch.from_numpy(16 + np.asarray(image, np.float64) @ weights).float()[None, None]


def speech(data: Path, count: int = 2) -> Any:
    with np.load(data / "audio" / "speech_commands_300.npz") as archive:
        return torch.from_numpy(archive["wave"][:count].astype(np.float32) / 32768)


def cepstra(data: Path, frame: int, hop: int) -> Inputs:
    return [(clip[None],) for clip in sound.cepstra(speech(data), frame, hop)]


def long_speech(data: Path, seconds: int = 3) -> Any:
    with wave.open(str(data / "audio" / "vad_speech_30s.wav")) as file:
        pcm = np.frombuffer(file.readframes(16000 * seconds), np.int16)
    return torch.from_numpy(pcm.astype(np.float32) / 32768)


def voice(data: Path) -> Inputs:
    return [(long_speech(data)[start : start + 576][None],) for start in (16000, 24000)]


def frames(data: Path) -> Inputs:
    return [(long_speech(data)[16000:22000].unfold(0, 512, 128)[None],)]


def characters(data: Path, count: int | None = None) -> Any:
    """Return Shakespeare as the numbers that the character network's own vocabulary gives, (characters,)."""
    vocabulary = json.loads((data.parent / "models" / "char_rnn_shakespeare" / "vocab.json").read_text())
    content = (data / "text" / "tinyshakespeare_last200k.txt").read_text()[:count]
    return torch.tensor([vocabulary[character] for character in content])


def street(data: Path, normalise: Callable[[Any], Any], size: int | None) -> Inputs:
    return [(normalise(picture(data / "camvid" / "test" / "0001TP_008550.png", size)),)]


def cityscapes_like(x: Any) -> Any:
    mean, std = torch.tensor([72.39, 82.91, 73.16]), torch.tensor([45.32, 46.15, 44.91])  # blue, green, red
    return (x.flip(1) - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1) / 255


CAMVID_MEAN, CAMVID_STD = (
    torch.tensor([110.33, 108.41, 105.03]),
    torch.tensor([72.13, 72.69, 69.90]),
)  # blue, green, red


def camvid_like(x: Any) -> Any:
    return (x.flip(1) - CAMVID_MEAN.view(1, 3, 1, 1)) / CAMVID_STD.view(1, 3, 1, 1) / 255


def cgnet(x: Any) -> Any:
    return x - CAMVID_MEAN.view(1, 3, 1, 1)  # the channels are red, green, blue: so it was trained


def mosaic(data: Path, size: int) -> Inputs:
    return [(bayer(picture(data / "set5" / "bird.png", size) / 255),)]


def bayer(image: Any) -> Any:
    """Keep one colour of each pixel: green, red / blue, green."""
    mask = torch.zeros_like(image)
    mask[:, 1, 0::2, 0::2] = mask[:, 1, 1::2, 1::2] = mask[:, 0, 0::2, 1::2] = mask[:, 2, 1::2, 0::2] = 1
    return image * mask


def scaled(x: Any) -> Any:
    return x / 127.5 - 1


def thinned(x: Any) -> Any:
    return (x / 255 - 0.5) / 0.5


def binarised(x: Any) -> Any:
    return torch.floor((2 * x / 255 - 1) * 128) / 128


def silent(data: Path) -> Inputs:
    """A state to start from: the inputs of this network are not there, only its weights."""
    return [(torch.empty(1, 1024).uniform_(-1, 1, generator=torch.Generator().manual_seed(0)),)]


NETWORKS: dict[str, Callable[[Path, bool], Inputs]] = {
    "squeezenet1_0_deepcompressed": lambda d, full: imagenet(d, torchvision_like),
    "squeezenet1_1": lambda d, full: imagenet(d, torchvision_like, 2),
    "mobilenet_v1_025_224": lambda d, full: imagenet(d, scaled),
    "mobilenet_v1_100_224": lambda d, full: imagenet(d, scaled),
    "mobilenet_v2_qat": lambda d, full: imagenet(d, torchvision_like),
    "tinydarknet": lambda d, full: imagenet(d, lambda x: x / 255),
    "resnet20_cifar10": lambda d, full: cifar(d, torchvision_like),
    "resnet20_thinned_cifar10": lambda d, full: cifar(d, thinned),
    "resnet56_cifar10": lambda d, full: cifar(d, torchvision_like),
    "bnn_cnv_w1a1": lambda d, full: cifar(d, binarised),
    "dncnn_s25": lambda d, full: noisy(d, "L", 180 if full else 48),
    "dncnn_color25": lambda d, full: noisy(d, "RGB", 180 if full else 48),
    "ffdnet_gray": lambda d, full: noisy(d, "L", 181 if full else 65),
    "vdsr": lambda d, full: enlarged(d, 180 if full else 48),
    "fsrcnn_x2": lambda d, full: small(d, 128 if full else 64),
    "espcn_x2": lambda d, full: small(d, 128 if full else 64),
    "demosaicnet_bayer": lambda d, full: mosaic(d, 180 if full else 64),
    "espnet_cityscapes": lambda d, full: street(d, cityscapes_like, None if full else 128),
    "espnet_camvid": lambda d, full: street(d, camvid_like, None if full else 128),
    "enet_camvid": lambda d, full: street(d, lambda x: x / 255, None if full else 128),
    "cgnet_camvid": lambda d, full: street(d, cgnet, None if full else 128),
    "kws_lstm_s": lambda d, full: cepstra(d, 640, 320),
    "kws_lstm_l": lambda d, full: cepstra(d, 640, 320),
    "kws_gru_s": lambda d, full: cepstra(d, 640, 640),
    "kwt1": lambda d, full: [(clip[None],) for clip in speech(d)],
    "dtln": lambda d, full: frames(d),
    "silero_vad": lambda d, full: voice(d),
    "char_rnn_shakespeare": lambda d, full: [(characters(d, 80)[None],)],
    "lyra_wavegru_sparse": lambda d, full: silent(d),
}
"""Real inputs of each network in PyTorch: crops in the tests, larger ones or whole frames when `full`."""
HEAVY = {
    "mobilenet_v1_100_224", "mobilenet_v2_qat", "resnet56_cifar10", "tinydarknet", "kws_lstm_l",
    "mobilenet_v2_qat_int8", "mcunet_imagenet_int8", "deeplabv3_mnv2_dm05_pascal_uint8",
}  # fmt: skip
