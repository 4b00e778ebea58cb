"""Whether this machine's processor multiplies in bfloat16."""

from pathlib import Path

import pytest
from tandem_operator.local.processor import has_bfloat16


@pytest.mark.parametrize(
    "facts",
    [
        "processor\t: 0\nflags\t\t: fpu avx2 avx512_bf16 amx_tile\n",
        "flags : fpu avx2 amx_bf16\n",
        "Features\t: fp asimd i8mm bf16\n",
        "cpu : POWER9\n",
    ],
)
def test_it_is_among_its_flags(tmp_path: Path, facts: str) -> None:
    """As Linux lists them on x86 and on Arm; where none are listed nobody is warned."""
    (tmp_path / "cpuinfo").write_text(facts)
    assert has_bfloat16(tmp_path / "cpuinfo")


def test_a_processor_without(tmp_path: Path) -> None:
    """It counts what it can do, not what is wrong with it."""
    (tmp_path / "cpuinfo").write_text("flags\t\t: fpu avx2\nbugs\t\t: bf16\n")
    assert not has_bfloat16(tmp_path / "cpuinfo")


def test_nobody_is_warned_of_what_cannot_be_known(tmp_path: Path) -> None:
    """There is no such file on other systems."""
    assert has_bfloat16(tmp_path / "absent")
