"""What the notes of the reference data say each network reaches, what it reaches on the data at hand, and how.

The notes were made on more data than is there for some networks; `note` says what differs. `within` bounds the distance
of the two figures: rounding and the draw of noise on the same data, three standard errors where the inputs are others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from tests.realdata import inputs as prepare
from tests.realdata import networks, sound
from tests.realdata import scores as score
from tests.realdata.networks import FILES, Lite, load
from tests.realdata.scores import Figures

Measure = Callable[[Path, str], Figures]
TOP = "top-1 %, top-5 %"
CROPS = "notes: 1000 crops of ImageNet; here 500 of 224 x 224"
HALF = "notes: 500 crops of ImageNet, not said which; here 500 of 224 x 224"
FRAMES = "notes: all 233 frames of the test set, mean of the colours not given; here 20 frames, CamVid's usual mean"
NAMED = "CIFAR-10 test as JPEG %, training %"
LOSSLESS = "training: 2000 images without loss are here"
HEARD = "10 keywords %, 12 classes %"


@dataclass(frozen=True)
class Metric:
    """The figures of one network.

    name: in NETWORKS or FILES. unit: of each figure. stated: by the notes. here: measured on the data at hand; a run
    must come within `same` of it. within: how far `stated` may be from what is measured.
    """

    name: str
    unit: str
    stated: Figures
    here: Figures
    within: Figures
    measure: Measure
    same: float = 0.41
    note: str = ""
    fast: bool = False

    @property
    def folder(self) -> str:
        """The entry of the reference data."""
        return FILES[self.name].folder if self.name in FILES else self.name


def sampled(stated: Figures, here: int, there: int) -> Figures:
    """Return three standard errors of the difference of two percentages of `here` and `there` independent inputs."""
    return tuple(300 * (s / 100 * (1 - s / 100) * (1 / here + 1 / there)) ** 0.5 for s in stated)


def lite(shared: Path, name: str, keep: bool = False) -> Lite:
    return Lite(shared / "realdata" / "models" / FILES[name].folder / FILES[name].file, keep)


def data(shared: Path) -> Path:
    return shared / "realdata" / "data"


def classified(shared: Path, name: str, normalise: Callable[[Any], Any]) -> Figures:
    pictures, labels = score.imagenet(data(shared))
    module = load(shared, name)
    found = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    return score.right(score.batched(lambda x: module(normalise(x.float())), found, 20), labels, (1, 5))


def classified_codes(shared: Path, name: str, taken: Callable[[Any], Any], skip: int = 0) -> Figures:
    pictures, labels = score.imagenet(data(shared))
    network = lite(shared, name)
    return score.right(np.stack([network(taken(picture))[skip:] for picture in pictures]), labels, (1, 5))


def small(picture: Any) -> Any:
    return networks.centred(np.array(Image.fromarray(picture).resize((144, 144), Image.Resampling.BILINEAR)))


def named(shared: Path, name: str, taken: Callable[[Any], Any]) -> Figures:
    """CIFAR-10: the test set as JPEG, and training images without loss."""
    found: list[float] = []
    for part in ("test_jpeg", "train_lossless2000"):
        pictures, labels = score.cifar(data(shared), part)
        if name in FILES:
            network = lite(shared, name)
            outputs = np.stack([network(taken(picture)) for picture in pictures])
        else:
            module = load(shared, name)
            images = torch.from_numpy(pictures).permute(0, 3, 1, 2)
            outputs = score.batched(lambda x, m=module: m(taken(x.float())), images, 100)
        found += score.right(outputs, labels)
    return tuple(found)


def denoised(shared: Path, name: str, folder: str, mode: str, images: slice) -> Figures:
    """Mean PSNR at noise of sigma 25, the noise drawn anew for each network."""
    module, generator, found = load(shared, name), torch.Generator().manual_seed(0), []
    for clean in list(score.photographs(data(shared), folder, mode))[images]:
        noise = torch.randn(clean.shape, generator=generator)
        found.append(score.psnr(score.batched(module, clean + 25 / 255 * noise, 1), clean))
    return (float(np.mean(found)),)


def enlarged(shared: Path, name: str) -> Figures:
    """Mean PSNR of VDSR at factors 2, 3 and 4, `factor` pixels of the border left out."""
    module, means = load(shared, name), []
    for factor in (2, 3, 4):
        found = []
        for path in sorted((data(shared) / "set5").glob("*.png"))[factor > 2 :]:  # the notes leave out the first then
            image = Image.open(path).convert("RGB")
            image = image.crop((0, 0, image.width - image.width % factor, image.height - image.height % factor))
            low, clean = prepare.studio(prepare.coarse(image, factor)) / 255, prepare.studio(image) / 255
            found.append(score.psnr(score.batched(module, low, 1), clean, border=factor))
        means.append(float(np.mean(found)))
    return tuple(means)


def doubled(shared: Path, name: str) -> Figures:
    module, found = load(shared, name), []
    for path in sorted((data(shared) / "set5").glob("*.png")):
        clean = prepare.luma(path)
        clean = clean[..., : clean.shape[2] // 2 * 2, : clean.shape[3] // 2 * 2]
        answer = score.batched(module, prepare.halved(clean) / 255, 1)
        found.append(score.psnr(answer, clean / 255, border=2))
    return (float(np.mean(found)),)


def demosaicked(shared: Path, name: str) -> Figures:
    module, found = load(shared, name), []
    for clean in list(score.photographs(data(shared), "set5", "RGB"))[1:4]:
        found.append(score.psnr(score.batched(module, prepare.bayer(clean), 1), clean, border=16))
    return (float(np.mean(found)),)


def labelled(shared: Path, name: str, normalise: Callable[[Any], Any], answers: Any = None, count: int = 20) -> Figures:
    """CamVid; answers: what class of CamVid each class of the network is."""
    frames, labels = score.street(data(shared), count)
    module = load(shared, name)
    found = score.batched(lambda x: module(normalise(x)).argmax(1), frames, 2).numpy()
    return score.overlap(found if answers is None else answers[found], labels, 11)


CITYSCAPES = np.array([3, 4, 1, 1, 7, 2, 6, 6, 5, 5, 0, 9, 10, 8, 8, 8, 8, 10, 10, 11])
"""The class of CamVid that each class of Cityscapes is nearest to."""


def bird(shared: Path, name: str) -> Figures:
    folder = data(shared) / "misc_images"
    found = lite(shared, name)(networks.pixels(folder / "bird_segmentation.png")).astype(np.int64)
    mask = np.array(Image.open(folder / "bird_segmentation_mask.png"))
    pairs = [(found == label, mask == label) for label in (3, 0)]
    return tuple(float((a & b).sum() / (a | b).sum()) for a, b in pairs)


def person(shared: Path, name: str) -> Figures:
    network, folder = lite(shared, name), data(shared) / "misc_images"
    pictures = [networks.pixels(folder / f"{p}.png", 96).astype(np.float32) / 255 for p in ("grace_hopper", "cat")]
    return tuple(float(network(picture)[1]) for picture in pictures)


def spoken(shared: Path, name: str, features: Callable[[Any], Any]) -> Figures:
    waves, labels = score.clips(data(shared))
    return score.heard(score.batched(load(shared, name), features(waves), 50), labels)


ORDER = [10, 11, 9, 3, 8, 0, 2, 6, 5, 4, 7, 1]
"""Where the classes silence, unknown, yes, no, up, down, left, right, on, off, stop, go stand in the network's output."""


def spoken_codes(shared: Path, name: str) -> Figures:
    waves, labels = score.clips(data(shared))
    network = lite(shared, name)
    return score.heard(np.stack([network(clip)[ORDER] for clip in networks.keywords(waves)]), labels)[1:]


def cleaned(shared: Path, name: str) -> Figures:
    """SI-SDR before and after, of 30 s of speech with white noise 5 dB below it."""
    voice = prepare.long_speech(data(shared), 30)
    dirty = sound.noisy(voice, 5, 0)
    frames = dirty.unfold(0, 512, 128)
    if name in FILES:
        network = lite(shared, name, keep=True)
        masks = np.stack([network(spectrum)[0] for spectrum in networks.magnitudes(dirty)])
        frames = torch.fft.irfft(torch.fft.rfft(frames) * torch.from_numpy(masks).float(), n=512)
    else:
        frames = score.batched(load(shared, name), frames[None], 1)[0]
    clean = sound.overlapped(frames, 128)
    return sound.si_sdr(dirty[: len(clean)], voice[: len(clean)]), sound.si_sdr(clean, voice[: len(clean)])


def detected(shared: Path, name: str) -> Figures:
    """Mean probability of speech, in 30 s of speech and in 10 s of noise."""
    noise = 0.01 * torch.randn(160000, generator=torch.Generator().manual_seed(0))
    module, means = load(shared, name), []
    for wave in (prepare.long_speech(data(shared), 30), noise):
        padded, state, found = torch.nn.functional.pad(wave, (64, 0)), None, []
        with torch.inference_mode():
            for start in range(0, len(wave) - 511, 512):
                probability, state = module(padded[None, start : start + 576], state)
                found.append(float(probability))
        means.append(float(np.mean(found)))
    return tuple(means)


def predicted(shared: Path, name: str) -> Figures:
    """Bits per character over 199 passages of 1000 characters, each from the state of the beginning."""
    ids, module = prepare.characters(data(shared)), load(shared, name)
    inputs, following = ids[:199000].view(199, 1000), ids[1:199001].view(199, 1000)
    logits = score.batched(lambda x: module(x)[0], inputs, 100)
    return (float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), following.flatten()) / np.log(2)),)


def read(shared: Path, name: str) -> Figures:
    """Digits read right, of ten: with the state of each digit kept for the next, and from the state of silence."""
    digits, found = networks.digits(data(shared)), []
    for keep in (True, False):
        network = lite(shared, name, keep)
        found.append(float(sum(int(network(digit).argmax()) == place for place, digit in enumerate(digits))))
    return tuple(found)


def sparse(shared: Path, name: str) -> Figures:
    """Density in percent of weights that are not zero, and of 4 x 4 blocks that have one."""
    weights = load(shared, name).weight.detach()
    blocks = (weights.view(768, 4, 256, 4) != 0).any(3).any(1)
    return 100 * float((weights != 0).float().mean()), 100 * float(blocks.float().mean())


def sampled_named(stated: Figures, there: tuple[int, int]) -> Figures:
    """Return `sampled` for the two sets of CIFAR-10; `there`: how many images of each the notes used."""
    test, training = (sampled((s,), n, t) for s, n, t in zip(stated, (10000, 2000), there))
    return max(test[0], 0.06), max(training[0], 0.6)


METRICS = (
    Metric("squeezenet1_0_deepcompressed", TOP, (61.9, 83.2), (59.8, 81.8), sampled((61.9, 83.2), 500, 1000),
           partial(classified, normalise=prepare.torchvision_like), note=f"{CROPS}; their crop of 227 needs larger images"),
    Metric("squeezenet1_1", TOP, (65.0, 86.2), (63.4, 84.0), sampled((65.0, 86.2), 500, 1000),
           partial(classified, normalise=prepare.torchvision_like), note=CROPS),
    Metric("mobilenet_v1_100_224", TOP, (89.0, 98.2), (84.4, 97.0), sampled((89.0, 98.2), 500, 500),
           partial(classified, normalise=prepare.scaled), note=f"{HALF}; the uint8 file (88.4, 98.1) is not here"),
    Metric("mobilenet_v1_025_224", TOP, (55.8, 78.4), (52.8, 75.4), sampled((55.8, 78.4), 500, 1000),
           partial(classified, normalise=prepare.scaled), note=CROPS),
    Metric("mobilenet_v1_025_224_uint8", TOP, (55.7, 78.4), (54.2, 75.2), sampled((55.7, 78.4), 500, 1000),
           partial(classified_codes, taken=lambda picture: picture, skip=1), note=CROPS),
    Metric("mobilenet_v2_qat", TOP, (83.0, 96.8), (80.6, 96.4), sampled((83.0, 96.8), 500, 500),
           partial(classified, normalise=prepare.torchvision_like), note=HALF),
    Metric("mobilenet_v2_qat_int8", TOP, (75.6, 95.8), (72.0, 94.8), sampled((75.6, 95.8), 500, 1000),
           partial(classified_codes, taken=networks.torchvision_like), note=CROPS),
    Metric("tinydarknet", TOP, (66.1, 87.4), (64.4, 85.4), sampled((66.1, 87.4), 500, 1000),
           partial(classified, normalise=lambda x: x / 255), note=CROPS),
    Metric("mcunet_imagenet_int8", TOP, (68.0, 88.6), (66.0, 87.0), sampled((68.0, 88.6), 500, 1000),
           partial(classified_codes, taken=small), note=CROPS),
    Metric("resnet20_cifar10", NAMED, (81.0, 99.8), (81.03, 99.85), (0.06, 0.6),
           partial(named, taken=prepare.torchvision_like), 0.11, LOSSLESS),
    Metric("resnet56_cifar10", NAMED, (83.2, 100.0), (83.2, 100.0), (0.06, 0.06),
           partial(named, taken=prepare.torchvision_like), 0.11, LOSSLESS),
    Metric("resnet20_thinned_cifar10", NAMED, (83.2, 99.0), (81.21, 98.85), sampled_named((83.2, 99.0), (1000, 2000)),
           partial(named, taken=prepare.thinned), 0.11, f"notes: 1000 test images, not said which; here all. {LOSSLESS}"),
    Metric("resnet8_mlperf_tiny_fp32", NAMED, (75.5, 93.0), (75.48, 92.7), (0.06, 0.6),
           partial(named, taken=lambda picture: picture.astype(np.float32)), 0.11, LOSSLESS),
    Metric("resnet8_mlperf_tiny_int8", NAMED, (75.4, 92.7), (75.55, 92.7), (0.2, 0.06),
           partial(named, taken=networks.centred), 0.11, "other integer kernels round a few products the other way"),
    Metric("bnn_cnv_w1a1", NAMED, (74.5, 98.2), (74.45, 98.1), sampled_named((74.5, 98.2), (2000, 2000)),
           partial(named, taken=prepare.binarised), 0.11, f"notes: 2000 test images; here all. {LOSSLESS}"),
    Metric("dncnn_s25", "PSNR in dB, Set12", (30.38,), (30.38,), (0.02,),
           partial(denoised, folder="set12", mode="L", images=slice(12)), 0.02,
           "the noise is another draw; weights for other noise are not here"),
    Metric("dncnn_color25", "PSNR in dB, 2 of Set5", (32.19,), (32.19,), (0.08,),
           partial(denoised, folder="set5", mode="RGB", images=slice(1, 3)), 0.02, "the noise is another draw"),
    Metric("ffdnet_gray", "PSNR in dB, 7 of Set12", (30.31,), (30.31,), (0.02,),
           partial(denoised, folder="set12", mode="L", images=slice(7)), 0.02, "the noise is another draw"),
    Metric("vdsr", "PSNR in dB, x2, x3, x4", (37.56, 33.30, 30.72), (37.55, 33.29, 30.72), (0.02, 0.02, 0.02), enlarged, 0.02),
    Metric("fsrcnn_x2", "PSNR in dB, Set5", (34.41,), (34.41,), (0.02,), doubled, 0.02, fast=True),
    Metric("espcn_x2", "PSNR in dB, Set5", (34.60,), (34.60,), (0.02,), doubled, 0.02, fast=True),
    Metric("demosaicnet_bayer", "PSNR in dB, 3 of Set5", (37.7,), (37.7,), (0.06,), demosaicked, 0.02,
           "16 pixels of the border left out (37.8 with them); the author's test image is not here"),
    Metric("espnet_cityscapes", "mIoU %, pixels %, CamVid", (), (24.8, 57.9), (),
           partial(labelled, normalise=prepare.cityscapes_like, answers=CITYSCAPES, count=4), 0.1,
           "notes: two frames looked at. Here: 4 frames of CamVid, its classes the nearest ones"),
    Metric("espnet_camvid", "mIoU %, pixels %", (57.2, 85.8), (60.3, 87.5), (6.0, 3.0),
           partial(labelled, normalise=prepare.camvid_like), 0.1, FRAMES),
    Metric("enet_camvid", "mIoU %, pixels %", (53.3, 85.3), (53.5, 85.2), (6.0, 3.0),
           partial(labelled, normalise=lambda x: x / 255), 0.1, "notes: all 233 frames of the test set; here 20"),
    Metric("cgnet_camvid", "mIoU %, pixels %", (65.0, 90.3), (67.5, 91.7), (6.0, 3.0),
           partial(labelled, normalise=prepare.cgnet), 0.1, FRAMES),
    Metric("deeplabv3_mnv2_dm05_pascal_uint8", "IoU of bird, background", (0.82, 0.97), (0.807, 0.975), (0.02, 0.01), bird,
           0.005, "notes: kernels of a delegate (0.819 with them); here the built-in ones", True),
    Metric("vww_mlperf_tiny_int8", "P(person), portrait and cat", (0.89, 0.05), (0.898, 0.047), (0.01, 0.01), person, 0.005,
           "three more pictures of the notes are not here", True),
    Metric("kws_lstm_s", HEARD, (97.0, 90.3), (97.0, 90.33), (0.06, 0.06),
           partial(spoken, features=partial(sound.cepstra, frame=640, hop=320)), 0.05, fast=True),
    Metric("kws_lstm_l", HEARD, (97.0, 91.7), (97.0, 91.67), (0.06, 0.06),
           partial(spoken, features=partial(sound.cepstra, frame=640, hop=320)), 0.05),
    Metric("kws_gru_s", HEARD, (99.0, 90.0), (99.0, 90.0), (0.06, 0.06),
           partial(spoken, features=partial(sound.cepstra, frame=640, hop=640)), 0.05, fast=True),
    Metric("kws_dscnn_mlperf_tiny_fp32", "12 classes %", (97.3,), (97.33,), (0.06,), spoken_codes, 0.05, fast=True),
    Metric("kws_dscnn_mlperf_tiny_int8", "12 classes %", (97.7,), (97.67,), (0.06,), spoken_codes, 0.05, fast=True),
    Metric("kwt1", HEARD, (99.0, 98.0), (99.0, 98.0), (0.06, 0.06), partial(spoken, features=lambda waves: waves), 0.05),
    Metric("dtln", "SI-SDR in dB before, after", (5.0, 15.1), (5.0, 15.04), (0.06, 0.2), cleaned, 0.02,
           "the noise is another draw; the ONNX files are not here"),
    Metric("dtln_stage1_int8", "SI-SDR in dB before, after", (5.05, 13.40), (5.0, 13.57), (0.06, 0.2), cleaned, 0.05,
           "the noise is another draw", True),
    Metric("mnist_lstm_fp32", "digits of 10, state kept, state reset", (9, 9), (9, 10), (0, 1), read, 0,
           "the notes' runs kept the state from digit to digit", True),
    Metric("mnist_lstm_int8", "digits of 10, state kept, state reset", (9, 9), (9, 10), (0, 1), read, 0,
           "the notes' runs kept the state from digit to digit", True),
    Metric("silero_vad", "P(speech), speech and noise", (0.79, 0.009), (0.789, 0.006), (0.006, 0.006), detected, 0.001,
           "the notes' noise is not here; the ONNX file is not here"),
    Metric("char_rnn_shakespeare", "bits per character", (1.965,), (1.92,), (0.1,), predicted, 0.005,
           "notes: 1.94 to 1.99, passages not given; here 199 of 1000 characters (between 1.85 and 2.01 for tenths of them)"),
    Metric("lyra_wavegru_sparse", "weights other than 0 %, blocks of 4 x 4 with one %", (6.25, 6.25), (6.25, 6.25), (0, 0),
           sparse, 0, "weights only: the network cannot be run", True),
)  # fmt: skip
"""Every form of every entry of the reference data, in their order."""
