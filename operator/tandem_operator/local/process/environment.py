"""Which of a person's environment variables reach the workers: those that training is known to need, and no others.

A shell is full of tokens that a training program has no business with, and a worker may run code that came with a data set.
So there is a list. What is missing from it is named in TANDEM_PASS, by name or by a pattern such as `WANDB_*`.
"""

import sys
from collections.abc import Mapping
from fnmatch import fnmatchcase

_PASSED = (
    # who and where
    "HOME",
    "LANG",
    "LC_*",
    "LOGNAME",
    "PATH",
    "SHELL",
    "TMPDIR",
    "TZ",
    "USER",
    "XDG_*",
    # how programs and Python find their parts
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "PYTHON*",
    "VIRTUAL_ENV",
    "CC",
    "CXX",
    # cards and the links between them
    "CUDA_*",
    "GLOO_*",
    "HIP_*",
    "HSA_*",
    "NCCL_*",
    "NVIDIA_*",
    "RCCL_*",
    "ROCM_*",
    "ROCR_*",
    # numerical libraries
    "DS_*",
    "HF_HOME",
    "HF_HUB_*",
    "KMP_*",
    "LLAMA_*",
    "MKL_*",
    "OMP_*",
    "TORCH*",
    "TRITON_*",
    # where checkpoints are kept, and the way there
    "AWS_*",
    "TANDEM_S3_*",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_*",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)


def passed(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that workers get."""
    patterns = (*_PASSED, *environ.get("TANDEM_PASS", "").replace(",", " ").split())
    return {name: value for name, value in environ.items() if any(fnmatchcase(name, pattern) for pattern in patterns)}


def interpreter(environ: Mapping[str, str]) -> str:
    """The Python that has what is to be started: TANDEM_PYTHON, or else the one that runs here."""
    return environ.get("TANDEM_PYTHON", sys.executable)
