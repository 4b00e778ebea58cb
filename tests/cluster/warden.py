"""`python -m tests.cluster.warden N PID`: stop cluster N should the test run PID end without doing so, even by kill -9."""

import os
import select
import sys
from contextlib import suppress

from tests.cluster import life
from tests.cluster.site import Site


def main(site: Site, owner: int) -> None:
    with suppress(ProcessLookupError):
        ended = os.pidfd_open(owner)  # readable from its end on
        select.select([ended], [], [])
    life.clear_abandoned(site)


if __name__ == "__main__":
    main(Site.numbered(int(sys.argv[1])), int(sys.argv[2]))
