"""How soon a sink that answered and refused, or hung up, is asked again. From one that cannot be reached gRPC backs off itself."""

import random
import threading

_PAUSE_S = 1.0  # about what a service of ours takes to start


def pause(until: threading.Event) -> bool:
    """Wait, with jitter so that a thousand workers do not come back at once; True when `until` was set meanwhile."""
    return until.wait(_PAUSE_S * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, not a secret
