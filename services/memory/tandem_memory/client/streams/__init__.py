"""Calls that go on: many requests over one stream, which is made again when it breaks, so that nothing is lost and nothing comes twice."""
