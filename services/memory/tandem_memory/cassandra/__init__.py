"""The backend of several machines: Apache Cassandra 5 keeps and finds the records. The only room with its driver."""

from tandem_memory.cassandra.backend import Clustered
from tandem_memory.cassandra.cluster.link import Link, Login, Patience
from tandem_memory.cassandra.shelf.shelf import Manners

__all__ = ["Clustered", "Link", "Login", "Manners", "Patience"]
