"""Samples as a trainer reads them: the very prompts that the lane is asked with, and the reply that is wanted.

Each sample comes once as the single call asks it and once for each expert, since it is experts who vote; a habit only as it was asked.
A second step, which shows what the first one came to, is not taught.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tandem_reasoning.coordinator.job import Job
from tandem_reasoning.distilling.samples import Sample
from tandem_reasoning.report.line import ALONE
from tandem_reasoning.thinking.prompts import BARE, Expert, Shared, Wording, prompt

Row = Mapping[str, Sequence[Mapping[str, str]]]
"""{"messages": [{"role": ..., "content": ...}, ...]}; the last one is the reply."""


def rows(samples: Iterable[Sample], job: Job) -> Iterator[Row]:
    """One row for each prompt that a sample can come in.

    Args:
        samples: What is taught.
        job: The run's: its experts, and the words around a question.
    """
    experts = (Expert(name=ALONE), *(Expert(name=each.name, role=each.role) for each in job.experts))
    wording = BARE if job.thinking.bare else Wording()
    for each in samples:
        for expert in experts:
            reply = each.reply_to(expert.name)
            if reply is None:
                continue
            asked = prompt(Shared(question=each.question), expert, max_tokens=job.thinking.max_tokens, wording=wording)
            said = [{"role": message.role, "content": message.content} for message in asked.messages]
            yield {"messages": [*said, {"role": "assistant", "content": reply}]}
