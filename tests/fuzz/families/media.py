"""Bad pictures, sound, sentences and tokenizers."""

from __future__ import annotations

import io
import json
import random
import struct
import wave
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from accelsim.sources.inputs.items import find
from accelsim.sources.inputs.pictures import Preparation, picture
from accelsim.sources.inputs.sentences import encoder, tokens
from accelsim.sources.inputs.spec import Inputs
from accelsim.sources.inputs.waves import waveform
from accelsim.zoo.reading import read
from tests.fuzz import binary_mutations, mutations
from tests.fuzz.families import Case

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
POSTSCRIPT = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(canary) (w) file closefile\nshowpage\n%%EOF\n"
)


def png(width: int, height: int, body: bytes = b"", kind: int = 2) -> bytes:
    """Return a PNG of any size that its header claims."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    size = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


def _seeds() -> list[bytes]:
    pixels = Image.fromarray((np.arange(8 * 9 * 3) % 251).astype(np.uint8).reshape(8, 9, 3))
    found = []
    for kind in ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM", "EPS", "ICO", "TGA", "PCX", "PDF"):
        for mode in ("RGB", "L", "P", "1", "RGBA", "CMYK", "I;16"):
            buffer = io.BytesIO()
            try:
                (pixels.convert("L").convert(mode) if mode == "I;16" else pixels.convert(mode)).save(buffer, kind)
            except (OSError, ValueError, KeyError):
                continue
            found.append(buffer.getvalue())
    return found


def pictures(folder: Path) -> Case:
    """Pictures changed, of other kinds than their names say, or far larger inside."""
    seeds = [*_seeds(), POSTSCRIPT]
    sizes = (
        (0, 0),
        (1, 0),
        (30000, 30000),
        (2**31 - 1, 2**31 - 1),
        (60000, 1),
        (1, 60000),
        (12000, 12000),
        (3, 2),
        (10**8, 1),
    )
    preparations = [
        Preparation(), Preparation(resize=8), Preparation(resize=256, crop=224), Preparation(resize=[4, 5], color="gray"),
        Preparation(crop=3, mean=[0.1, 0.2, 0.3], std=[0.5]), Preparation(color="bgr", interpolation="bicubic", mean=[1.0]),
    ]  # fmt: skip

    def one(rng: random.Random) -> Any:
        path = folder / f"x{rng.choice(ENDINGS)}"
        if rng.random() < 0.15:
            body = bytes(rng.choice((0, 20, 1000)))
            path.write_bytes(png(*rng.choice(sizes), body, rng.choice((0, 2, 3, 4, 6, 7))))
        else:
            change = rng.choice((binary_mutations.flipped, binary_mutations.data))
            path.write_bytes(change(rng.choice(seeds), rng))
        if rng.random() < 0.3:
            return read(rng.choice(("resnet20", "superres")), [path])
        return picture(path, rng.choice(preparations)).sum()

    return one


def sound(folder: Path) -> Case:
    """WAV files whose sizes, widths and rates say anything."""
    seeds = []
    for width, channels in ((1, 1), (2, 2), (3, 1), (4, 2)):
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(width)
            file.setframerate(8000)
            file.writeframes(bytes(range(240)) * 2)
        seeds.append(buffer.getvalue())
    asked = [
        Inputs(),
        Inputs(frame=16),
        Inputs(frame=16, hop=1),
        Inputs(length=10),
        Inputs(rate=8000),
        Inputs(frame=400, length=5),
    ]

    def one(rng: random.Random) -> Any:
        path = folder / "x.wav"
        data = bytearray(rng.choice(seeds))
        if rng.random() < 0.6:
            kind, channels, width = (
                rng.choice((1, 3, 65534, 0)),
                rng.choice((0, 1, 2, 65535)),
                rng.choice((0, 7, 8, 16, 24, 32, 40, 64, 65535)),
            )
            data[20:36] = struct.pack(
                "<HHIIHH", kind, channels, rng.choice((0, 8000, 2**32 - 1)), 0, rng.randrange(65536), width
            )
        if rng.random() < 0.4:
            data[rng.choice((4, 16, 40)) :][:4] = struct.pack("<I", rng.choice((0, 1, 2**31, 2**32 - 1)))
            data[40:44] = struct.pack("<I", rng.choice((0, 1, 480, 2**31 - 1, 2**32 - 1)))
        path.write_bytes(binary_mutations.data(bytes(data), rng, seeds) if rng.random() < 0.4 else bytes(data))
        return waveform(path, rng.choice(asked)).sum()

    return one


def words(folder: Path) -> Case:
    """Tokenizers and files of sentences."""
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##c", "hello"]
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
        "model": {"type": "WordLevel", "vocab": {word: place for place, word in enumerate(vocab)}, "unk_token": "[UNK]"},
    }  # fmt: skip
    text = json.dumps(tokenizer, indent=1)
    sentences = ["hello a", "", "x" * 5000, "\x00", "a\ud800b", "日本 é \U0001f600", "\u202e", " ", "[MASK] [CLS]"]

    def one(rng: random.Random) -> Any:
        kind = rng.randrange(3)
        if kind == 0:
            path = folder / "tokenizer.json"
            changed = mutations.text(text, rng)
            path.write_bytes(changed.encode("utf-8", "surrogatepass"))
        elif kind == 1:
            path = folder / "vocab.txt"
            path.write_bytes(mutations.text("\n".join(vocab), rng).encode("utf-8", "surrogatepass"))
        else:
            path = folder / "text.txt"
            path.write_bytes(mutations.data("\n".join(vocab).encode(), rng))
            return find(Inputs(files=[str(path)]), folder)
        if rng.random() < 0.2:
            return read(rng.choice(("bert_lstm", "char_lstm")), [rng.choice(sentences)])
        return tokens(rng.choice(sentences), encoder(path), rng.choice((None, 1, 2, 5)))

    return one
