"""Messages between a rank and its agent arrive whole, in order, with the memory they speak of."""

import os
import socket
import threading

import pytest
from tandem_trainer import link
from tandem_trainer.checkpoint.layout import Placed


@pytest.fixture
def ends() -> tuple[link.Link, link.Link]:
    agent, theirs = link.pair()
    return agent, link.Link(socket.socket(fileno=theirs))


def snapshot(slices: int) -> link.Snapshot:
    layout = tuple(Placed(tensor=f"t{n}", shape=(2, 3), dtype="float32", start=0, count=6, offset=24 * n) for n in range(slices))
    return link.Snapshot(
        rank=1, step=7, claim=2, generation=0, bytes=24 * slices, loss=2.5, tokens=9, blocked_seconds=0.1, layout=layout, extra={"a": [1]}
    )


def test_every_kind_of_message_comes_out_as_it_went_in(ends: tuple[link.Link, link.Link]) -> None:
    """Sent and received values are equal, tuples included."""
    agent, rank = ends
    stepped = link.Stepped(step=1, phase="a", loss=1.5, tokens=8, tokens_per_second=3.0, learning_rate=0.1, seconds=0.2)
    for message in (stepped, link.Resumed(step=3, passed_over=("x", "y")), link.Ended(message="why"), link.Prepared(shards=("/a", "/b"))):
        rank.send(message)
        assert agent.receive(5) == (message, None)


def test_a_long_message_and_its_descriptor_arrive_together(ends: tuple[link.Link, link.Link]) -> None:
    """5,000 slices are more than a socket's buffer holds; the descriptor still belongs to its own message."""
    agent, rank = ends
    read, write = os.pipe()
    os.write(write, b"state")
    sender = threading.Thread(target=lambda: (rank.send(link.Ended(message="first")), rank.send(snapshot(5000), read)))
    sender.start()
    assert agent.receive(5) == (link.Ended(message="first"), None)
    received = agent.receive(5)
    sender.join()
    assert received is not None
    message, descriptor = received
    assert message == snapshot(5000)
    assert descriptor is not None
    assert os.read(descriptor, 5) == b"state"


def test_nothing_to_hear_is_none_and_a_lost_agent_is_an_error(ends: tuple[link.Link, link.Link]) -> None:
    """Waiting ends when told to; hanging up is a ConnectionError, not silence."""
    agent, rank = ends
    assert agent.receive(0) is None
    rank.close()
    with pytest.raises(ConnectionError, match="gone"):
        agent.receive(1)
