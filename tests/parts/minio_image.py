"""MinIO as an image, for the chart that starts it in a pod: the program of `minio_server.py` on the base image, where no hub is."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.parts.base_images import BASE_IMAGE
from tests.parts.images import build
from tests.parts.part import Say

REGISTRY, REPOSITORY, TAG = "localhost", "tandem-test-minio", "dev"
_DOCKERFILE = "ARG BASE\nFROM ${BASE}\nCOPY minio /usr/local/bin/minio\n"


def minio_image(program: Path, say: Say) -> Path:
    """The file of its record, for `Cluster.load_image`.

    Raises:
        Missing: When it cannot be built here.
        RuntimeError: When its build fails; with the end of what it said.
    """
    with tempfile.TemporaryDirectory(prefix="tandem-minio-") as folder:
        context = Path(folder)
        subprocess.run(["git", "init", "-q", folder], check=True)
        (context / "Dockerfile").write_text(_DOCKERFILE)
        shutil.copy2(program, context / "minio")
        return build(Path("Dockerfile"), f"{REGISTRY}/{REPOSITORY}:{TAG}", context, {"BASE": BASE_IMAGE}, say)
