"""Reads what a run has answered and leaves what one round of distillation needs in a folder, each file whole or as it was before."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.distilling.buffer import Buffer, filled
from tandem_reasoning.distilling.rows import Row, rows
from tandem_reasoning.distilling.verdict import NAMELESS
from tandem_reasoning.ledger import Review
from tandem_reasoning.report.line import line
from tandem_reasoning.report.sides import of_job
from tandem_reasoning.values import Question

ROWS, CROSSES, CANARY, SELECTION = "rows.jsonl", "crosses.jsonl", "canary.jsonl", "selection.json"


def select(ledger: Path, job: Job, into: Path) -> Mapping[str, Any]:
    """Write rows.jsonl, crosses.jsonl, canary.jsonl and selection.json; what the last one says.

    Args:
        ledger: The run's books, whose coordinator may be writing them meanwhile.
        job: What that coordinator was told.
        into: Folder of the files.

    Raises:
        LedgerError: when the ledger cannot be read.
        OSError: when the folder cannot be written.
    """
    sides = of_job(job.name, [each.lane for each in job.lanes])
    with closing(Review(ledger)) as review:
        buffer = filled(map(line, review.questions()), sides)
    into.mkdir(parents=True, exist_ok=True)
    _, taught = written(into / ROWS, rows(buffer.taught, job))
    _, crossed = written(into / CROSSES, map(_line, buffer.crosses))
    _, kept = written(into / CANARY, (_line(each.question) for each in buffer.canary))
    digest = hashlib.sha256(f"{taught} {crossed} {kept}".encode()).hexdigest()
    told = {**_told(buffer), **sizes(rows(buffer.taught, job)), "digest": digest}
    written(into / SELECTION, [told])
    return told


def sizes(taught: Iterable[Row]) -> Mapping[str, int]:
    """How many rows there are, the bytes of all their texts, and those of the longest one."""
    told = [sum(len(said["content"].encode("utf-8", "replace")) for said in row["messages"]) for row in taught]
    return {"rows": len(told), "textBytes": sum(told), "longestBytes": max(told, default=0)}


def selected(told: Mapping[str, Any]) -> Sequence[str]:
    """The same in sentences."""
    kinds = ", ".join(f"{count} {kind}" for kind, count in told["lessonsByKind"].items() if kind)
    lines = [f"{told['lessons']} lessons{f' ({kinds})' if kinds else ''}, {told['rehearsals']} rehearsals, {told['rows']} prompts of them"]
    if told["crosses"]:
        lines.append(f"{told['crosses']} questions that nobody asked are made of what is rehearsed, for the local model to answer first")
    lines.append(f"{told['canary']} questions are kept back to judge by")
    lines += [f"right is there {basis}: {count} questions" for basis, count in told["rightBy"].items()]
    if told["unknown"]:
        lines.append(f"not taught, because the cloud lane answers them wrongly more often than rightly: {', '.join(told['unknown'])}")
    if told["recalled"]:
        lines.append(f"{told['recalled']} questions are left out: their prompts showed something that was recalled")
    return lines


def written(path: Path, lines: Iterable[Mapping[str, Any]]) -> tuple[int, str]:
    """Write a file of JSON lines; how many, and their SHA-256 in hexadecimal."""
    begun, count, digest = path.with_name(f"{path.name}.{os.getpid()}.partial"), 0, hashlib.sha256()
    try:
        with begun.open("wb") as sink:
            for each in lines:
                text = f"{json.dumps(each, ensure_ascii=False)}\n".encode("utf-8", "replace")
                sink.write(text)
                digest.update(text)
                count += 1
        begun.replace(path)
    finally:
        begun.unlink(missing_ok=True)
    return count, digest.hexdigest()


def _line(question: Question) -> Mapping[str, Any]:
    """A question as a question set has it."""
    told = {"id": question.id, "question": question.text, "answer": question.answer, "kind": question.kind}
    return {name: value for name, value in told.items() if value is not None}


def _told(buffer: Buffer) -> Mapping[str, Any]:
    return {
        "lessons": len(buffer.lessons),
        "rehearsals": len(buffer.rehearsals),
        "lessonsByKind": dict(sorted(Counter(each.question.kind for each in buffer.lessons).items())),
        "crosses": len(buffer.crosses),
        "canary": len(buffer.canary),
        "rightBy": dict(Counter(each.basis.value for each in buffer.canary)),
        "recalled": buffer.recalled,
        "unknown": [kind or NAMELESS for kind in buffer.unknown],
    }
