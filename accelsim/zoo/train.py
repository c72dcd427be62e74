"""Train a network of the zoo from the data, measure it and write its weights, samples and card.

    python -m accelsim.zoo.train resnet20 --data DIR --out DIR
    python -m accelsim.zoo.train bert_lstm --data DIR --out DIR --teacher DIR

DIR of --data holds what the network's card names, for example `cifar10/{train,test}_jpeg.npz`. With one thread on a
CPU the same command gives the same weights on the same machine; `--device cuda` asks torch for deterministic
kernels, too, but was not tried for equality.
"""

from __future__ import annotations

import argparse
import os
from importlib import import_module
from pathlib import Path

from accelsim.zoo import folder


def main(arguments: list[str] | None = None) -> None:
    """Run the recipe named on the command line; see `--help`."""
    parser = argparse.ArgumentParser(prog="python -m accelsim.zoo.train", description=__doc__.split("\n")[0])
    parser.add_argument("name", choices=recipes())
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the data")
    parser.add_argument("--out", type=Path, required=True, help="folder to write weights, samples and card into")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads; another number gives other weights")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's own number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pack", action="store_true", help="do not train: measure and pack what --out holds")
    group = parser.add_argument_group("bert_lstm")
    group.add_argument("--teacher", type=Path, help="MiniLM folder to distil from; without it, labels alone")
    group.add_argument(
        "--vocabulary", type=Path, default=folder("bert_lstm") / "vocab.txt",
        help="vocabulary file; one that does not exist is trained and written (default: the shipped one)",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # deterministic matrix products on CUDA
    import torch

    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    options.out.mkdir(parents=True, exist_ok=True)
    more = (options.teacher, options.vocabulary) if options.name == "bert_lstm" else ()
    made = import_module(f"accelsim.zoo.recipes.{options.name}")
    if not options.pack:
        made.train(options.data, options.out, options.device, options.epochs, options.seed, *more)
    made.pack(options.data, options.out)


def recipes() -> list[str]:
    """List the networks that have a file in `recipes/`, sorted."""
    return sorted(path.stem for path in (Path(__file__).parent / "recipes").glob("[!_]*.py"))


if __name__ == "__main__":
    main()
