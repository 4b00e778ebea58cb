"""How a judgement is added to a record's use, the same wherever it is kept: what is exported can always be imported."""

from tandem.memory.v1.memory_pb2 import Judged, Use

MOST_TIMES = 1 << 53  # what JSON's numbers and a float count to, and far from what an index does
MOST_SOURCES = 256  # that are told apart; as many as are taken in with a record


def judge(use: Use, judged: Judged) -> None:
    """Add a judgement to a use, unless that is as large as one can be; of sources beyond the most only the judgement counts."""
    if use.times >= MOST_TIMES:
        return
    use.times += 1
    use.gain += judged.gain
    if judged.source and (judged.source in use.by_source or len(use.by_source) < MOST_SOURCES):
        use.by_source[judged.source] += 1
