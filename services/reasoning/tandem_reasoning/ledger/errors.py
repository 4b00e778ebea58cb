"""Why a ledger is not opened, not written to, or refuses a job. Each message is one line for a person."""


class LedgerError(Exception):
    """The ledger cannot do what it was asked."""


class InUseError(LedgerError):
    """Another process has it open; two coordinators of one run would both hand out its items."""


class ReplacedError(LedgerError):
    """Another coordinator has begun since, and has the run."""


class OtherRunError(LedgerError):
    """The file belongs to another run."""


class FormatError(LedgerError):
    """A later version wrote the file."""


class DamagedError(LedgerError):
    """The file is no ledger, or is not as it was written."""


class FullError(LedgerError):
    """The disk does not take it. Nothing of the group was done, and the same may be asked again once there is room."""


class ChangedQuestionError(LedgerError):
    """A question is there already, and is another one."""


class UnknownItemError(LedgerError):
    """There is no such item."""


class TicketError(LedgerError):
    """A ticket that was given for another call, or not at all."""
