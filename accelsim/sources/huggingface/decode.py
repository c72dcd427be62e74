"""Run a decoder as it generates: the prompt at once, then token by token over the cached keys and values."""

from __future__ import annotations

import inspect
from typing import Any

from accelsim.errors import InputError


def generating(module: Any, steps: int) -> Any:
    """Return `module` with a forward that takes token ids (1, T) and generates greedily.

    It runs the prompt in one pass (prefill, logits of the last position alone), then `steps` passes of a single token
    over the cache of keys and values. The token is the likeliest one; an end-of-text token does not stop it. A head
    that shares its weight with the embedding is given a copy, so that its product has the head's name.
    Raises InputError for a module that does not generate.
    """
    import torch

    if not module.can_generate():
        raise InputError(
            f"{type(module).__name__} does not generate tokens",
            "set `architecture: AutoModelForCausalLM` or decode_steps: 0",
        )
    plain = module.forward
    last = {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(plain).parameters else {}
    head, table = module.get_output_embeddings(), module.get_input_embeddings()
    if head is not None and table is not None and head.weight is table.weight:
        head.weight = torch.nn.Parameter(head.weight.detach().clone(), requires_grad=False)

    def generate(ids: Any) -> Any:
        made = [ids]
        result = plain(input_ids=ids, use_cache=True, **last)
        for _ in range(steps):
            made.append(result.logits[:, -1:].argmax(-1))
            result = plain(input_ids=made[-1], past_key_values=result.past_key_values, use_cache=True, **last)
        return torch.cat(made, 1)

    module.forward = generate
    return module
