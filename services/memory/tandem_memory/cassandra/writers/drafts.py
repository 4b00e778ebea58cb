"""How what callers hand in is written: records, judgements and removals, as drafts of entries. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from tandem.memory.v1.memory_pb2 import Change, Judged, Pruned, Record

from tandem_memory.cassandra.cluster.asking import Statement
from tandem_memory.cassandra.log.entries import Entry, Kind
from tandem_memory.cassandra.log.log import Log
from tandem_memory.cassandra.log.places import Place
from tandem_memory.cassandra.writers.lines import Draft
from tandem_memory.rules import logged

_IDS_A_CHANGE = 128  # removed together, so that a watcher hears of it if and only if it was done: about 20 KB, as Cassandra wants it
_AGAIN = "again "  # no name of a judgement begins like this
_BESIDE_BYTES = 200  # of a row beside its entry, without its message


def key_name(key: str) -> str:
    """The name that a record's key is claimed under."""
    return f"record {key}" if key else ""


def told_name(key: str) -> str:
    """The name that a judgement's key is claimed under."""
    return f"judgement {key}" if key else ""


def told_again(name: str, times: int) -> str:
    """The name that a judgement stands under beside its record, where others of its key were forgotten before: it is a new one."""
    return f"{_AGAIN}{times} {name}" if times else name


def told_first(name: str) -> str:
    """The name that `told_again` was given."""
    return name.removeprefix(_AGAIN).partition(" ")[2] if name.startswith(_AGAIN) else name


def record(log: Log, handed_in: Record, instead_of: Place | None, *, back: bool) -> Draft:
    """A record to be taken in."""
    exact = handed_in.vector

    def entry(place: Place, at_us: int) -> Entry:
        body = logged.kept(handed_in, at_us, back=back).SerializeToString()
        return Entry(place=place, kind=Kind.RECORD, at_us=at_us, body=body, exact=exact)

    def statement(entry: Entry) -> Statement:
        return log.record(entry, Record.FromString(entry.body))

    weight = handed_in.ByteSize() + len(exact)
    return Draft(entry=entry, statement=statement, name=key_name(handed_in.key), instead_of=instead_of, weight_bytes=weight)


def judgement(log: Log, judged: Judged, instead_of: Place | None, forgotten: int) -> Draft:
    """A judgement of a record that is there, and was judged under this key so often before that it is forgotten by now."""
    body, of = judged.SerializeToString(), Place.parsed(judged.id)

    def beside(entry: Entry) -> Sequence[Statement]:
        # Under its key, so that it counts once also if it was told before and not to the end.
        return [log.judged(of, told_again(told_name(judged.key), forgotten) or f"at {entry.place}", entry.at_us, body)]

    change = _change(log, Change(judged=judged), beside, 2 * len(body) + _BESIDE_BYTES)
    return replace(change, name=told_name(judged.key), instead_of=instead_of, passing=True)


def removals(log: Log, places: Sequence[Place]) -> Iterator[tuple[Draft, Sequence[Place]]]:
    """Records to be removed, each draft with those that it removes."""
    for begin in range(0, len(places), _IDS_A_CHANGE):
        part = places[begin : begin + _IDS_A_CHANGE]

        def beside(entry: Entry, part: Sequence[Place] = part) -> Sequence[Statement]:
            return [statement for place in part for statement in log.emptied(place, entry.at_us)]

        change = Change(pruned=Pruned(ids=[str(place) for place in part]))
        yield _change(log, change, beside, _BESIDE_BYTES * len(part)), part


def _change(log: Log, change: Change, beside: Callable[[Entry], Sequence[Statement]], weight_bytes: int) -> Draft:
    body = change.SerializeToString()
    return Draft(
        entry=lambda place, at_us: Entry(place=place, kind=Kind.CHANGE, at_us=at_us, body=body),
        statement=log.change,
        beside=lambda entry: [log.what(entry), *beside(entry)],
        weight_bytes=weight_bytes + len(body),
    )
