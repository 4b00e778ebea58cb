"""`tandem memory migrate`: what one service has, moved into another and compared, over the clients of both.

What the other has of a namespace counts as moved if it is the same as the beginning of what is to be moved: a migration that was
broken off goes on by the same command. Nobody should write to either meanwhile; what somebody did shows when both are compared.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from tandem_operator.cli.exits import Exit, leave
from tandem_operator.cli.show import progress, words

from . import told
from .asked import Other, Place
from .speaking import some, speaking

if TYPE_CHECKING:
    from tandem.memory.v1.memory_pb2 import Record
    from tandem_memory.client import Memory
    from tandem_memory.client.answers import Namespace

_FIX = "give a service that has nothing of that name"


def migrate(place: Place, other: Other) -> None:
    """Move a namespace, or all, and print a line for each; exit code 1 at the first record that is not the same in both."""
    if not other.to:
        leave(Exit.BAD_INPUT, "--to: absent; say where the other service is as host:port")
    if other.to == place.address:
        leave(Exit.BAD_INPUT, f"--to: {other.to} is where the records are; give the address of another service")
    with speaking(place, whole=True) as source, speaking(other.place(), whole=True) as target:
        here = _by_name(source)
        for each in _asked_for(here, place.namespace):
            moved = _move(each, source.but(each.name), target.but(each.name))
            print(f"{told.clean(each.name)}: {words.number(each.records)} records, {words.number(moved)} moved, the same in both")
    if not here:
        print("no namespace yet: nothing is moved", file=sys.stderr)


def _by_name(memory: "Memory") -> "Mapping[str, Namespace]":
    return {each.name: each for each in memory.namespaces()}


def _asked_for(here: "Mapping[str, Namespace]", name: str) -> "Iterable[Namespace]":
    if name and name not in here:
        there = f"there are {some(here)}; name one" if here else "there is none yet"
        leave(Exit.NO_SUCH_RUN, f"--namespace: {name!r} is not there, {there}")
    return [here[name]] if name else here.values()


def _move(namespace: "Namespace", source: "Memory", target: "Memory") -> int:
    """Have the target hold the same; how many records it had not before."""
    there = _by_name(target).get(namespace.name)
    if there is None and not namespace.records:
        return 0  # all of it was pruned: a namespace begins with a record, and there is none
    _check_origin(namespace, there)
    name = told.clean(namespace.name)
    with progress.counting(f"moving {name}", namespace.records) as counter:
        wanted = counter.passing(source.export(with_vectors=True))
        moved = _import(namespace, target, _missing(name, wanted, target.export(with_vectors=True) if there else ()))
    with progress.counting(f"comparing {name}", namespace.records) as counter:
        wanted = counter.passing(source.export(with_vectors=True))
        for _ in _missing(name, wanted, target.export(with_vectors=True)):
            leave(Exit.FAILED, f"{name}: the other service has not all of it; migrate again")
    return moved


def _import(namespace: "Namespace", target: "Memory", missing: "Iterator[Record]") -> int:
    """Take in what is missing; how many records that is. The first goes ahead: an older service does not hear what made its vector."""
    first = next(missing, None)
    if first is None:
        return 0
    done = target.import_([first], embedding=namespace.embedding)
    _check_origin(namespace, _by_name(target).get(namespace.name))
    return done.taken + target.import_(missing, embedding=namespace.embedding).taken


def _missing(name: str, wanted: "Iterable[Record]", there: "Iterable[Record]") -> "Iterator[Record]":
    """The records that come after those that are there; leaves with a line at one that is there and is another."""
    from tandem_memory.transfer.alike import differing

    known, number = iter(there), 0
    for number, record in enumerate(wanted, 1):
        other = next(known, None)
        if other is None:
            yield record
        elif fields := differing(record, other):
            leave(Exit.FAILED, f"{name}: record {number} differs in {', '.join(fields)} in the other service; {_FIX}")
    if next(known, None) is not None:
        leave(Exit.FAILED, f"{name}: the other service has more than these {words.number(number)} records; {_FIX}")


def _check_origin(namespace: "Namespace", there: "Namespace | None") -> None:
    """Leave with a line when texts and vectors of the two are not of one origin: they would not find each other."""
    if there is not None and (there.dimension, there.embedding) != (namespace.dimension, namespace.embedding):
        other, own = (f"{each.dimension} dimensions by {told.clean(each.embedding)}" for each in (there, namespace))
        leave(Exit.FAILED, f"{told.clean(namespace.name)}: {other} in the other service, {own} here; {_FIX}, with the same embedding")
