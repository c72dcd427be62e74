"""Layer shapes of a transformer decoder that writes text, from its few numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from pydantic import Field, model_validator

from accelsim.config import Spec


class Decoder(Spec):
    """A stack of blocks (attention, gated MLP) and the layer that scores the vocabulary.

    Every block has the products of query, key, value and output, those of attention per head, and gate, up and down of
    the MLP. The default numbers are those of LLaMA-7B (Touvron et al., 2023, arXiv:2302.13971, Table 2: 32 blocks, 32
    heads, dimension 4096; Section 2.2: MLP of 2/3 of 4 x 4096, which the released model rounds up to 11008; the
    vocabulary of 32k tokens is that of Llama 2, arXiv:2307.09288, Section 2.2). The embedding is a look-up, no product.
    """

    blocks: int = Field(default=32, ge=1, description="blocks of attention and MLP, one after another")
    hidden: int = Field(default=4096, ge=1, description="values of a token between the blocks")
    heads: int = Field(default=32, ge=1, description="heads that the values of a token are split over in attention")
    mlp: int = Field(default=11008, ge=1, description="values of a token inside the gated MLP")
    vocabulary: int = Field(default=32000, ge=1, description="words that the last layer scores")
    tokens: int = Field(default=128, ge=1, description="tokens computed at once: a prompt, or one when it writes")
    context: int = Field(default=0, ge=0, description="tokens before them, whose keys and values are there")

    @model_validator(mode="after")
    def _heads_fit(self) -> Self:
        if self.hidden % self.heads:
            raise ValueError(f"hidden of {self.hidden} values does not split into {self.heads} heads")
        return self

    def layers(self) -> Iterator[dict[str, Any]]:
        """Yield the layers in the short form of `shapes.Shape`, in the order they are computed.

        Products of attention are whole, masked ones included. The vocabulary is scored for the last token alone.
        """
        for block in range(self.blocks):
            name = f"blocks.{block}"
            for part in ("query", "key", "value"):
                yield self._linear(f"{name}.{part}", self.hidden, self.hidden)
            width, reach = self.hidden // self.heads, self.context + self.tokens
            yield self._product(f"{name}.scores", width, reach)
            yield self._product(f"{name}.mix", reach, width)
            yield self._linear(f"{name}.output", self.hidden, self.hidden)
            for part in ("gate", "up"):
                yield self._linear(f"{name}.{part}", self.hidden, self.mlp)
            yield self._linear(f"{name}.down", self.mlp, self.hidden)
        yield {"name": "vocabulary", "kind": "linear", "input": self.hidden, "filters": self.vocabulary, "rows": 1}

    def _linear(self, name: str, values: int, filters: int) -> dict[str, Any]:
        return {"name": name, "kind": "linear", "input": values, "filters": filters, "rows": self.tokens}

    def _product(self, name: str, values: int, filters: int) -> dict[str, Any]:
        shape = {"input": values, "filters": filters, "rows": self.tokens, "groups": self.heads}
        return {"name": name, "kind": "matmul", **shape}
