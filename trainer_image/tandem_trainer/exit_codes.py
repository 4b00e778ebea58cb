"""How a worker says goodbye. The planner (operator, `plan/policies/restart.py`) keeps to the same numbers."""

DONE = 0
PREEMPTED = 143  # 128 + SIGTERM: asked to leave, checkpoint written
DO_NOT_RESTART = 93  # trying again cannot help: bad configuration or a safety stop (the number is NVIDIA's resiliency extension's)
UNAVAILABLE = 75  # something that it needs was away, such as the store (EX_TEMPFAIL of sysexits.h)
FAILED = 1
