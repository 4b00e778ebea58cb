"""How a cluster is spoken to: the connection, statements that are sent until they are done, the tables, and which namespaces there are."""
