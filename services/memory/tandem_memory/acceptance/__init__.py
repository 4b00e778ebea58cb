"""Which requests are taken in: all is checked before a backend sees it, and what is wrong is named with its value and the fix."""

from tandem_memory.acceptance.limits import Limits
from tandem_memory.acceptance.records import check_append, check_import
from tandem_memory.acceptance.requests import (
    check_feedback,
    check_get,
    check_named,
    check_prune,
    check_scan,
    check_search,
    check_watch,
)
from tandem_memory.acceptance.values import UnacceptableError

__all__ = [
    "Limits",
    "UnacceptableError",
    "check_append",
    "check_feedback",
    "check_get",
    "check_import",
    "check_named",
    "check_prune",
    "check_scan",
    "check_search",
    "check_watch",
]
