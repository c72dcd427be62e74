"""Build a network of transformers: its class, its weights from safetensors, its tokenizer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from accelsim.errors import InputError, UnknownNameError, first_line, unknown_name
from accelsim.sources.extras import installed
from accelsim.sources.state import read_state
from accelsim.sources.torchao_files import quiet_loggers
from accelsim.sources.torchvision_ops import import_torchvision

OFFLINE = "without a connection give a folder as `model`; HF_HUB_OFFLINE=1 keeps to the cache and fails at once"


def library() -> Any:
    """Return the package transformers, imported in a way that survives a torchvision without its operators."""
    installed("transformers", "transformers")
    with contextlib.suppress(ImportError):
        import_torchvision()
    with quiet_loggers():
        import transformers

        with contextlib.suppress(ImportError, AttributeError):  # said again, and in full, when a network is built
            _ = transformers.PreTrainedModel  # imports torchao where it is there, which speaks of its kernels
    return transformers


def network(place: str, architecture: str | None, weights: str, path: Path | None, seed: int) -> tuple[Any, list[str]]:
    """Return the network of a folder or name of the Hub in evaluation mode (float32), and warnings about its weights.

    architecture: a class of transformers, by default the one that config.json names. path: of a state dict instead of
    its own weights. Code that a repository carries is never run. Raises InputError when it cannot be built.
    """
    import torch

    transformers = library()
    config = _guarded(place, lambda: transformers.AutoConfig.from_pretrained(place))
    if config.is_encoder_decoder:
        raise InputError(f"{place} is an encoder-decoder network", "accelsim runs encoders and decoders alone")
    cls = _class(transformers, architecture or next(iter(config.architectures or []), "AutoModel"))
    with torch.random.fork_rng(devices=[]), _quiet(transformers):
        torch.manual_seed(seed)
        if weights == "random":
            make = getattr(cls, "from_config", None) or cls._from_config
            return _guarded(place, lambda: make(config)).float().eval(), []
        source: dict[str, Any] = {"use_safetensors": True} if path is None else {"state_dict": read_state(path)}
        module, report = _guarded(
            place,
            lambda: cls.from_pretrained(
                place if path is None else None, config=config, dtype=torch.float32, output_loading_info=True, **source
            ),
        )
    return module.eval(), _missing(module, report, path or place)


def tokenizer(place: str) -> Any:
    """Return the function from a sentence to token ids of a folder or name. Raises InputError when it has none."""
    transformers = library()
    with _quiet(transformers):
        made = _guarded(place, lambda: transformers.AutoTokenizer.from_pretrained(place), "declare `inputs.tokenizer`")
    return lambda sentence: list(made(sentence)["input_ids"])


def image_config(place: str) -> dict[str, Any] | None:
    """Return the content of preprocessor_config.json, None for a network without.

    A size that older files give as one number is a square, or that of the shorter side, as its class takes it.
    """
    import json

    transformers = library()
    from transformers.utils import cached_file

    found = _guarded(
        place, lambda: cached_file(place, "preprocessor_config.json", _raise_exceptions_for_missing_entries=False)
    )
    if found is None:
        return None
    content = _guarded(place, lambda: json.loads(Path(found).read_text(encoding="utf-8")))
    if not isinstance(content, dict):
        return None
    size = content.get("size")
    if isinstance(size, int):
        content["size"] = {"height": size, "width": size} if _square(transformers, content) else {"shortest_edge": size}
    return content


def _square(transformers: Any, config: dict[str, Any]) -> bool:
    """Whether the class that a preprocessor_config.json names takes one number as height and width."""
    named = str(config.get("image_processor_type") or config.get("feature_extractor_type") or "")
    name = named.removesuffix("Fast").replace("FeatureExtractor", "ImageProcessor")
    try:
        cls = getattr(transformers, f"{name}Pil", None) or getattr(transformers, name, None)
    except ImportError:  # it needs a package that is not there
        cls = None
    return bool(getattr(cls, "default_to_square", True))


def _class(transformers: Any, name: str) -> Any:
    cls = getattr(transformers, name, None)
    if cls is None or not hasattr(cls, "from_pretrained"):
        known = [n for n in dir(transformers) if n.startswith("AutoModel") or name[:4] == n[:4]]
        raise unknown_name("class of transformers", name, known)
    return cls


def _missing(module: Any, report: dict[str, Any], place: Any) -> list[str]:
    """Return the warning about weights that the checkpoint lacks. Raises InputError when it fits badly."""
    missing = set(report.get("missing_keys") or [])
    if not missing:
        return []
    sizes = {name: parameter.numel() for name, parameter in module.named_parameters()}
    lost, total = sum(sizes.get(name, 0) for name in missing), max(sum(sizes.values()), 1)
    if lost > total / 2:
        raise InputError(f"{place} holds no weights for {type(module).__name__}: {len(missing)} tensors are missing")
    named = ", ".join(sorted(missing)[:4]) + (f" and {len(missing) - 4} more" if len(missing) > 4 else "")
    return [f"{lost / total:.2%} of the weights are not in the checkpoint and random (untrained): {named}"]


@contextlib.contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Silence the library's own reports; what matters of them is raised or warned of here."""
    logging = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _guarded(place: str, action: Any, hint: str = "") -> Any:
    try:
        return action()
    except (InputError, UnknownNameError):
        raise
    except Exception as error:  # the library raises what it likes
        local = Path(place).is_dir()
        raise InputError(
            f"{place}: {first_line(error)}",
            hint or ("is it a folder of config.json and safetensors?" if local else OFFLINE),
        ) from None
