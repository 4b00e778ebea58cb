"""A store in a bucket. Everything that knows minio-py is in this folder."""

from tandem_objects.s3.bucket import Bucket
from tandem_objects.s3.patience import Patience
from tandem_objects.s3.settings import Settings

__all__ = ["Bucket", "Patience", "Settings"]
