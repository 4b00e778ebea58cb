"""What the image for processors is slimmed with: stubs can be loaded and say who was called, and cut libraries work as before."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import xxhash._xxhash
from processors.elf import Library, sections, segments, without_section
from processors.slimming import slim
from processors.stub import stub

NAMES = [f"cudaThing{number}" for number in range(50)]
CALL = "import ctypes, sys; library = ctypes.CDLL(sys.argv[1]); library[sys.argv[2]]()"
HASH = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("_xxhash", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(module.xxh64_hexdigest(b"tandem"))
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="ELF is for Linux")


def python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)


@linux
@pytest.mark.parametrize("name", [NAMES[0], NAMES[31], NAMES[-1]])
def test_a_function_of_a_stub_says_its_name_and_ends_the_process(tmp_path: Path, name: str) -> None:
    """The loader finds each of them, and nobody can believe that it worked."""
    library = tmp_path / "libcuda_thing.so"
    library.write_bytes(stub(library.name, NAMES))
    called = python(CALL, str(library), name)
    assert called.stderr == f"this torch is for processors only, but {name} of CUDA was called\n"
    assert called.returncode == -signal.SIGILL


@linux
def test_a_stub_has_no_other_function(tmp_path: Path) -> None:
    """A name that was not asked for is not found, as in any library."""
    library = tmp_path / "libcuda_thing.so"
    library.write_bytes(stub(library.name, NAMES))
    assert "undefined symbol: cudaOther" in python(CALL, str(library), "cudaOther").stderr


@linux
def test_a_library_without_its_section_headers_works_as_before(tmp_path: Path) -> None:
    """All that debuggers read is gone, nothing that the loader reads is, and functions return what they did."""
    whole, cut = Path(xxhash._xxhash.__file__), tmp_path / "_xxhash.so"
    cut.write_bytes(without_section(whole.read_bytes(), ".none"))
    assert not sections(cut.read_bytes())
    assert cut.stat().st_size < whole.stat().st_size
    assert python(HASH, str(cut)).stdout == python(HASH, str(whole)).stdout != ""


@linux
def test_a_section_that_is_cut_out_reads_as_zeros_and_moves_no_address() -> None:
    """The segments reach over the same addresses; the file is smaller by the section."""
    whole = Path(xxhash._xxhash.__file__).read_bytes()
    (section,) = (each for each in sections(whole) if each.name == ".text")
    cut = without_section(whole, section.name)
    assert len(whole) - len(cut) > section.size - 3 * 4096
    before, after = ([each for each in segments(data) if each.type == 1] for data in (whole, cut))
    assert {each.address for each in before} < {each.address for each in after}
    assert sum(each.file_bytes for each in before) - sum(each.file_bytes for each in after) > section.size - 2 * 4096
    assert max(each.address + each.memory_bytes for each in before) == max(each.address + each.memory_bytes for each in after)
    assert all((each.offset - each.address) % 4096 == 0 for each in after)


@linux
def test_slimming_leaves_files_of_other_names_alone(tmp_path: Path) -> None:
    """An installer's cache may hold the same file under a second name: it stays whole."""
    library = tmp_path / "torch/lib/libtorch.so"
    library.parent.mkdir(parents=True)
    shutil.copy(xxhash._xxhash.__file__, library)
    with library.open("ab") as file:
        file.write(bytes(2 << 20))
    cached = tmp_path / "cached.so"
    cached.hardlink_to(library)
    slim(tmp_path)
    assert cached.stat().st_size > 2 << 20 > library.stat().st_size
    assert Library(cached).needed
