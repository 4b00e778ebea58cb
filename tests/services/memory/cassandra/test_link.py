"""What is asked of a cluster before it is used."""

from types import SimpleNamespace
from typing import Any

import pytest
from tandem_memory.backend import StoreUnavailableError
from tandem_memory.cassandra import Link
from tandem_memory.cassandra.cluster import link


class Wide:
    """A cluster over two data centres, as the driver shows it."""

    shut = 0

    def __init__(self, *_: object, **__: object) -> None:
        self.metadata = SimpleNamespace(all_hosts=lambda: [SimpleNamespace(datacenter=name) for name in ("west", "east", "west")])

    def connect(self) -> Any:
        return SimpleNamespace(execute=lambda _: None, set_keyspace=lambda _: None)

    def shutdown(self) -> None:
        Wide.shut += 1


def test_one_of_several_data_centres_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quorum of one says nothing of another: replicas that ask different ones would give one key to two records."""
    monkeypatch.setattr(link, "Cluster", Wide)
    with pytest.raises(StoreUnavailableError, match="data centres east, west; name one of them"):
        Link(["192.0.2.1"])
    assert Wide.shut == 1
    Link(["192.0.2.1"], datacentre="east").close()
