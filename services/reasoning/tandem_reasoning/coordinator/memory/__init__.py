"""What a run recalls from the shared memory and tells it. The only room of the coordinator that speaks to the memory service.

Nothing here follows the memory's log by Watch: a search finds what any lane or run appended as soon as it is acknowledged, so that
news is there when a step asks, and nobody has to keep a copy of the memory in step.
"""
