"""Two small chat models, trained here: `local` can do little, `cloud` can do more. No download, no licence, and a gap that is known."""

import hashlib
import sys
from pathlib import Path

from tests.parts.llm_builds import build
from tests.parts.part import Part, Say

NAMES = ("local", "cloud")
_SOURCE = ("tasks.py", "wording.py", "tokenizer.py", "training.py")
_HERE = Path(__file__).parent


def _make(_: Part, folder: Path, say: Say) -> None:
    """Train both, side by side: each uses one thread."""
    environ = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(_HERE.parents[2])}
    trainings = {name: [sys.executable, "-m", "tests.parts.llm_models.training", name, str(folder / name)] for name in NAMES}
    build("training two small chat models", trainings, folder=folder, environ=environ, say=say)


def _version() -> str:
    """Of what makes them: other sources make other models."""
    digest = hashlib.sha256()
    for name in _SOURCE:
        digest.update((_HERE / name).read_bytes())
    return digest.hexdigest()[:16]


LLM_MODELS = Part(name="llm-models", version=_version(), program="", make=_make)
