"""By which variables a program finds S3: rendered into pods, looked for on a machine, and named again in what people are told."""

from typing import Final

from tandem_operator.api.pod import THEIR_VARIABLE

ENDPOINT: Final = THEIR_VARIABLE
"""Address of MinIO or of another S3; Amazon's own where it is unset."""

KEYS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
"""The key and its secret, under the names that every client of S3 reads; in a Secret they are keys of the same names."""
