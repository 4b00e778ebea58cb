"""Which keys are allowed: those that mean the same object in a directory, in MinIO and in S3.

Limits: 1024 bytes for a whole key (S3), 255 bytes for one segment (file systems, MinIO). What the directory store calls
its unfinished files is kept out of the way of keys.
"""

from tandem_objects.errors import InvalidAddress

UNFINISHED = ".tandem-"  # beginning of the names of files that are not yet objects

_LONGEST_KEY = 1024
_LONGEST_SEGMENT = 255


def checked(key: str, *, under: str = "") -> str:
    """The key itself, if it can be one. `under` is what the store puts before it, and counts as well.

    Raises:
        InvalidAddress: Saying what is wrong with it.
    """
    problem = _problem(key) or (f"is longer than {_LONGEST_KEY} bytes" if len(f"{under}{key}".encode()) > _LONGEST_KEY else None)
    if problem:
        msg = f"key {key!r} {problem}: use names like 'manifests/000001.json'"
        raise InvalidAddress(msg)
    return key


def checked_prefix(prefix: str) -> tuple[str, str]:
    """A listing prefix as its folder ("" or "a/b") and what names in that folder begin with.

    Raises:
        InvalidAddress: Where no key could begin like this.
    """
    folder, _, start = prefix.rpartition("/")
    if folder or "/" in prefix:
        checked(folder)
    if start:
        checked(start + "_")  # what "." and ".." begin may well be a name
    return folder, start


def _problem(key: str) -> str | None:
    try:
        segments = [segment.encode() for segment in key.split("/")]
    except UnicodeEncodeError:
        return "is no valid Unicode text"
    if any(segment in {b"", b".", b".."} for segment in segments):
        return "has an empty part, '.' or '..'"
    if not key.isprintable():
        return "has unprintable characters"
    if any(segment.startswith(UNFINISHED.encode()) for segment in segments):
        return f"has a part that begins with {UNFINISHED!r}, which is kept for unfinished files"
    if any(len(segment) > _LONGEST_SEGMENT for segment in segments):
        return f"has a part of more than {_LONGEST_SEGMENT} bytes"
    return None
