"""Which store an address opens. S3 and its libraries are loaded only for an address that needs them."""

from collections.abc import Mapping

from tandem_objects.address import FolderAddress, parse
from tandem_objects.directory import Directory
from tandem_objects.store import Store


def open_store(uri: str, environ: Mapping[str, str]) -> Store:
    """The store at `uri`. Nothing is contacted or created yet.

    Args:
        uri: `file:///folder` or `s3://bucket/prefix`.
        environ: Where S3 takes its settings from: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN,
            AWS_REGION, and TANDEM_S3_ENDPOINT (such as http://127.0.0.1:9000) for anything but AWS.

    Raises:
        InvalidAddress: For a malformed address or setting.
        AccessDenied: Where credentials are missing.
    """
    address = parse(uri)
    if isinstance(address, FolderAddress):
        return Directory(address.path)
    from tandem_objects.s3 import Bucket, Settings

    return Bucket(address, Settings.of(environ))
