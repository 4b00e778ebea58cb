"""DeepSpeed, loaded without what this trainer never uses: no C++ compiler is needed, and no torch compiler is loaded.

Left alone, `deepspeed.initialize` imports its Muon optimizer, whose functions are decorated with `torch.compile`: that loads
the whole compiler, 5 of the 9 seconds in which a rank starts. We train with AdamW and compile nothing, so while DeepSpeed is
loaded and set up, the decorators give back the functions as they are. Muon would still work, uncompiled.
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
    compiled, disabled = torch.compile, torch.compiler.disable
    torch.compile = torch.compiler.disable = _as_it_is  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield
    finally:
        torch.compile, torch.compiler.disable = compiled, disabled


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
