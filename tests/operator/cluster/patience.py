"""A Lease that outlives a machine that stands still for a while, for nobody would start the operator of a test again."""

from tandem_operator.cluster.kube import lease

RENEWS_WITHIN_S = 100.0


def be_patient(renews_within_s: float = RENEWS_WITHIN_S) -> None:
    """Have the operator of this process hold its Lease unrenewed for so many seconds, and others wait half as long again."""
    vars(lease).update({"LASTS_S": 1.5 * renews_within_s, "_RENEW_WITHIN_S": renews_within_s})
