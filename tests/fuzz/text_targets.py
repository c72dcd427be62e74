"""Parsers of text as functions of bytes that end quietly after a clean error, for atheris."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from accelsim import strictyaml
from accelsim.errors import AccelsimError
from tests.fuzz.harness import check_message


def quietly(action: Callable[[str], Any]) -> Callable[[bytes], None]:
    """Return `action` as a function of bytes that forgives clean errors alone."""

    def one(data: bytes) -> None:
        try:
            action(data.decode("utf-8", "surrogateescape"))
        except AccelsimError as error:
            check_message(error)

    return one


TARGETS: dict[str, Callable[[bytes], None]] = {"strictyaml": quietly(strictyaml.parse)}
