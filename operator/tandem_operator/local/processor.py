"""What the processor of this machine has instructions for."""

from pathlib import Path


def has_bfloat16(facts: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether it multiplies in bfloat16 (AVX-512 BF16, AMX, or Arm's); also where that cannot be known."""
    try:
        lines = facts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return True
    told = [words.split() for name, _, words in (line.partition(":") for line in lines) if name.strip() in {"flags", "Features"}]
    return not told or any(word.endswith("bf16") for words in told for word in words)
