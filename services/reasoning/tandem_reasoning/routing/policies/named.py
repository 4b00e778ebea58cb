"""The policies by the names that people write."""

from enum import StrEnum

from tandem_reasoning.routing.decision import Mode, Policy
from tandem_reasoning.routing.policies.cascade import Cascade
from tandem_reasoning.routing.policies.ensemble import Ensemble
from tandem_reasoning.routing.policies.fixed import Cloud, Local, Random
from tandem_reasoning.routing.policies.knn import Knn
from tandem_reasoning.routing.thresholds import LEARNING, Learning


class PolicyName(StrEnum):
    """Who is asked."""

    LOCAL = "Local"
    CLOUD = "Cloud"
    RANDOM = "Random"
    KNN = "Knn"
    CASCADE = "Cascade"
    ENSEMBLE = "Ensemble"


def named(name: PolicyName, *, cloud_share: float = 0.5, single: bool = False, learning: Learning = LEARNING) -> Policy:
    """The policy of a name.

    Args:
        name: Which.
        cloud_share: Of questions for the cloud lane, under Random.
        single: One call in place of a vote, under Local.
        learning: How labels are come by, under Knn, Cascade and Ensemble.
    """
    match name:
        case PolicyName.LOCAL:
            return Local(mode=Mode.SINGLE if single else Mode.VOTE)
        case PolicyName.CLOUD:
            return Cloud()
        case PolicyName.RANDOM:
            return Random(share=cloud_share)
        case PolicyName.KNN:
            return Knn(learning=learning)
        case PolicyName.CASCADE:
            return Cascade(learning=learning)
        case PolicyName.ENSEMBLE:
            return Ensemble(cascade=Cascade(learning=learning))
