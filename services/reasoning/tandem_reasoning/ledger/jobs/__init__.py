"""What can be done to a ledger. A job is a value; a group of them is done in one transaction."""

from tandem_reasoning.ledger.jobs.calls import Discard, Forfeit, Intend, Settle
from tandem_reasoning.ledger.jobs.items import Complete, Extend, Fail, Release
from tandem_reasoning.ledger.jobs.money import Charge, SetCap
from tandem_reasoning.ledger.jobs.news import Sent, Tell
from tandem_reasoning.ledger.jobs.probes import Found, Probe
from tandem_reasoning.ledger.jobs.queue import Claim, Load
from tandem_reasoning.ledger.jobs.recollections import Recollect

__all__ = [
    "Charge",
    "Claim",
    "Complete",
    "Discard",
    "Extend",
    "Fail",
    "Forfeit",
    "Found",
    "Intend",
    "Load",
    "Probe",
    "Recollect",
    "Release",
    "Sent",
    "SetCap",
    "Settle",
    "Tell",
]
