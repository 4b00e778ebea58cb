"""What goes and what stays of an installed torch."""

import shutil
from pathlib import Path

from processors.elf import Library, without_section
from processors.stub import stub

_CARD_CODE = ".nv_fatbin"
_OPENED_FOR_CARDS = ("torch/lib/libtorch_cuda_linalg.so", "torch/lib/libcaffe2_nvrtc.so")  # nothing is linked with them
_FOR_COMPILERS = ("torch/include", "torch/share", "torch/bin/protoc*")  # headers, how CMake finds them, and what makes more of them
_NVIDIA = ("libcu", "libnv", "libnccl")  # how the names of NVIDIA's libraries begin
# How the names of their functions begin. Those of the runtime and the profiler are there, and not asked for in vain.
_FUNCTIONS = ("cublas", "cudnn", "cufft", "cuFile", "curand", "cusolver", "cusparse", "nccl", "nvrtc", "nvshmem", "nvJitLink")
# The stub that has all functions. The loader does not mind where it finds one, unless the library is one of those whose
# functions have versions (it stops then, since a stub has none); NCCL's have not.
_HAS_ALL = "libnccl.so.2"
_WORTH_CUTTING_BYTES = 1 << 20


def slim(folder: Path) -> None:
    """Take out what only a card could run; what is left loads and runs on a processor."""
    for each in _OPENED_FOR_CARDS:
        (folder / each).unlink(missing_ok=True)
    for path in [path for pattern in _FOR_COMPILERS for path in folder.glob(pattern)]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    libraries = [Library(path) for path in sorted((folder / "torch").rglob("*.so*"))]
    needed = {name for library in libraries for name in library.needed if name.startswith(_NVIDIA)}
    there = _keep_only(folder / "nvidia", needed) | {library.path.name for library in libraries}
    functions = {name for library in libraries for name in library.undefined if name.startswith(_FUNCTIONS)}
    for name in needed - there:
        _replace(folder / "torch/lib" / name, stub(name, sorted(functions) if name == _HAS_ALL else ()))
    for library in libraries:
        if library.unloaded_bytes + library.section_bytes(_CARD_CODE) > _WORTH_CUTTING_BYTES:
            _replace(library.path, without_section(library.path.read_bytes(), _CARD_CODE))


def _keep_only(nvidia: Path, needed: set[str]) -> set[str]:
    """Of NVIDIA's packages, keep the libraries that torch is linked with; their names."""
    kept = set()
    for path in [path for path in nvidia.rglob("*") if path.is_file()]:
        if path.name in needed:
            kept.add(path.name)
        else:
            path.unlink()
    return kept


def _replace(path: Path, data: bytes) -> None:
    """A new file under the name: the old one may have a second name, in the cache of an installer."""
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(data)
    new.chmod(0o755)
    new.rename(path)
