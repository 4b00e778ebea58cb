"""The ways to find the rows nearest to a query, and which of them is the cheapest."""
