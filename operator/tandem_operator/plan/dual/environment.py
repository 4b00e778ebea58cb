"""What each part is told in its environment, as far as the run says it; where files are and who listens where, the shell adds.

No secret stands here: a key reaches workers by a variable or file of the shell's.
"""

from collections.abc import Mapping

from tandem_operator.api.dual_run import DualRun

_MOST_AT_ONCE = 64  # what a coordinator hands out at once


def coordinator(run: DualRun) -> Mapping[str, str]:
    """The settings of the coordinator that come from the run: TANDEM_COORDINATOR_*."""
    questions, checkpoint = run.spec.questions, run.spec.checkpoint
    told = {
        "QUESTIONS": questions.source,
        "ID_FIELD": questions.id_field,
        "QUESTION_FIELD": questions.question_field,
        "ANSWER_FIELD": questions.answer_field,
        "KIND_FIELD": questions.kind_field,
        "SNAPSHOT_QUESTIONS": str(checkpoint.every_questions),
        "SNAPSHOT_SECONDS": str(checkpoint.every_seconds),
    }
    if checkpoint.uri is not None:
        told["SNAPSHOTS"] = checkpoint.uri
    if questions.limit is not None:
        told["LIMIT"] = str(questions.limit)
    return {f"TANDEM_COORDINATOR_{name}": value for name, value in (told | _memory(run)).items()}


def worker(run: DualRun, index: int) -> Mapping[str, str]:
    """What a worker is told. Its name is that of its slot: started anew, it says what it still knows of, and the rest is free at once."""
    return {"TANDEM_WORKER": f"{run.name}-worker-{index}", "TANDEM_AT_ONCE": str(at_once(run))}


def at_once(run: DualRun) -> int:
    """Questions that each worker works on at once: as many as all lanes take calls, spread over the workers."""
    calls = sum(lane.limits.max_in_flight for lane in run.spec.lanes)
    return min(max(1, -(-calls // run.spec.workers)), _MOST_AT_ONCE)


def _memory(run: DualRun) -> dict[str, str]:
    """The address is the shell's word where the run names none."""
    memory = run.spec.memory
    if memory is None:
        return {}
    return {"MEMORY_NAMESPACE": memory.namespace} | ({"MEMORY": memory.address} if memory.address else {})
