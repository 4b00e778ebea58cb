"""Who reads the wire: whoever waits for what comes, not threads of gRPC's own; and how often somebody looks while nobody waits.

Since 1.80 gRPC reads every connection of Python in threads of its own (EventEngine) and hands what came to the thread that waits for it, so
that an answer changes threads four times more: half as much processor time again, on both sides. The former way can be had back under
the names of the two experiments by which the new one came, in the releases that still know them; others keep their own way.

While nobody waits, as between the tries of a client whose service is away, gRPC looks every five seconds whether a connection was refused,
or made: a service that was there again was found by the second or third of those looks.
"""

import os
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Final

_SETTING: Final = "GRPC_EXPERIMENTS"
_FORMER_WAY: Final = "-event_engine_client,-event_engine_listener"
_LOOKS: Final = "GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS"
_EVERY_MS: Final = "250"  # two looks make a connection, and a channel tries one a second
_BEYOND: Final = (1, 86)  # releases from here on were not seen to know both names, and an unknown one is an error in the log


def settle() -> None:
    """Say so in the environment, where gRPC looks when it is loaded, and no later. What it says already holds."""
    os.environ.setdefault(_LOOKS, _EVERY_MS)
    with suppress(PackageNotFoundError):  # a release that says nothing of itself, or messages alone without gRPC
        major, minor = map(int, version("grpcio").split(".")[:2])
        if (major, minor) < _BEYOND:
            os.environ.setdefault(_SETTING, _FORMER_WAY)
