"""Where does this attempt go on? At the newest checkpoint that every rank can read, whoever wrote it on however many ranks.

First the claim, then the search: once a newer attempt holds the claim, an older one that still breathes cannot commit
any more, so what is found newest stays newest. A checkpoint that is damaged, or of a version from the future, is passed
over with a line in the log, never deleted; if there are checkpoints and none can be read, the run stops rather than
begin again and bury them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from tandem_objects import Store, open_store

from tandem_trainer.checkpoint.claim import claim
from tandem_trainer.checkpoint.errors import Corrupted, Fenced, Mismatch, UnknownVersion
from tandem_trainer.checkpoint.reader import Reader, candidates, load_manifest
from tandem_trainer.job import Job
from tandem_trainer.rank.world import Agreement
from tandem_trainer.refusal import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """`step` steps and `tokens` tokens are done; `claim` is the fencing token of what this attempt saves.

    `passed_over` are the manifests that could not be read.
    """

    step: int
    tokens: int
    claim: int
    passed_over: tuple[str, ...] = ()


def resume(job: Job, environ: Mapping[str, str], agreement: Agreement, restore: Callable[[Reader], None]) -> Resume:
    """Have `restore` take back the newest readable state, on all ranks the same one.

    Raises:
        Fenced: on all ranks, when a later attempt has claimed the place already.
    """
    store = open_store(job.run.checkpoint.uri, environ)
    found = agreement.from_first(lambda: _found(store, job))
    if isinstance(found, Fenced):
        raise found
    number, keys = found
    for tried, key in enumerate(keys):
        reader = _read(store, key, restore)
        if agreement.all_true(reader is not None):
            assert reader is not None
            manifest = reader.manifest
            return Resume(step=manifest.step, tokens=manifest.tokens, claim=number, passed_over=keys[:tried])
    if keys:
        message = (
            f"none of the {len(keys)} checkpoints in {job.run.checkpoint.uri} can be read: mend the store, or set another checkpoint.uri"
        )
        raise Refusal(message)
    return Resume(step=0, tokens=0, claim=number)


def _found(store: Store, job: Job) -> tuple[int, tuple[str, ...]] | Fenced:
    """The claim and what can be read. That this attempt is over is told to all ranks, for none to fall over one that left."""
    try:
        number = claim(store, attempt=job.attempt, uid=job.run.uid, now=datetime.now(UTC))
    except Fenced as fenced:
        return fenced
    return number, tuple(candidates(store))


def _read(store: Store, key: str, restore: Callable[[Reader], None]) -> Reader | None:
    """The checkpoint, taken back; None, with a line in the log, where it is damaged or too new for us.

    A store that does not answer is neither: that error goes up, the attempt fails, and the next one tries again.
    """
    try:
        reader = Reader(store, load_manifest(store, key))
        restore(reader)
    except Mismatch as error:
        raise Refusal(str(error)) from error
    except (Corrupted, UnknownVersion) as error:
        print(f"checkpoint passed over: {error}", flush=True)  # noqa: T201  # standard output is the log of a rank
        return None
    return reader
