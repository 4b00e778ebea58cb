"""What a run adds to the annotations of its pods, less one that does harm where a machine can vanish.

Karpenter does not drain a pod that says `do-not-disrupt`: when the notice of a spot machine comes it gets no time to leave, and ends with
the machine (https://karpenter.sh/docs/concepts/disruption/#pod-level-controls).
"""

from collections.abc import Mapping
from typing import Final

from tandem_operator.api.placement import Spot
from tandem_operator.api.pod import PodSpec
from tandem_operator.render.manifest import added

_NEVER_DRAINED: Final = "karpenter.sh/do-not-disrupt"


def annotations(wanted: PodSpec, spot: Spot) -> Mapping[str, str]:
    """Those that the run has written; on machines of `spot` only Never keeps the one that forbids to drain."""
    return {name: text for name, text in added(wanted.annotations).items() if name != _NEVER_DRAINED or spot is Spot.NEVER}
