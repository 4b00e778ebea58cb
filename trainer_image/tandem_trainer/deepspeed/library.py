"""DeepSpeed, loaded without what this trainer never uses: no C++ compiler is needed, and no torch compiler is loaded.

Left alone, `deepspeed.initialize` imports its Muon optimizer, whose functions are decorated with `torch.compile`, and ZeRO-3
decorates its hooks against being compiled: either loads the whole compiler, 5 of the 9 seconds in which a rank starts. We
train with AdamW and compile nothing, so while DeepSpeed is loaded and set up, those decorators give back the functions as
they are. Whoever compiles a model one day must let ZeRO-3's hooks have theirs.
"""

import io
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from types import ModuleType
from typing import Any

import torch


def load() -> ModuleType:
    """The deepspeed package."""
    if not torch.cuda.is_available():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    with uncompiled():
        import deepspeed
        import deepspeed.runtime.zero.muon.original_muon  # imported later anyway, and then compiled
    # Nothing is built ahead of time or on the spot; the one op it would build on a CPU speeds up collectives by shared memory.
    deepspeed.ops.__compatible_ops__ = {}  # pyright: ignore[reportAttributeAccessIssue]
    return deepspeed


@contextmanager
def uncompiled() -> Iterator[None]:
    """Decorators of the torch compiler do nothing meanwhile."""
    places: tuple[tuple[Any, str], ...] = ((torch, "compile"), (torch.compiler, "disable"), (torch, "_disable_dynamo"))
    usual = [getattr(module, name) for module, name in places]
    for module, name in places:
        setattr(module, name, _as_it_is)
    try:
        yield
    finally:
        for (module, name), decorator in zip(places, usual, strict=True):
            setattr(module, name, decorator)


@contextmanager
def quiet(deepspeed: ModuleType) -> Iterator[None]:
    """Set-up says nothing but errors: its memory statistics and remarks on our optimizer tell people nothing."""
    logger: logging.Logger = deepspeed.utils.logger
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)


def _as_it_is(function: Callable[..., Any] | None = None, *_: Any, **__: Any) -> Callable[..., Any]:  # noqa: ANN401  # of any decorator
    return function if function is not None else lambda decorated: decorated
