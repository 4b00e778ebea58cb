"""What the images hold, and what they must not: read from their layers, and asked of the images themselves."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISLNK

import pytest

from tests.images.conftest import DOCKERFILES, ROOT, Built, Mounted
from tests.parts.pip_settings import _settings

ENTRY_POINTS = {
    "operator": "tandem_operator.cluster",
    "memory": "tandem_memory",
    "reasoning": "tandem_reasoning.worker",
    "telemetry": "tandem_telemetry",
    "trainer": "tandem_trainer.agent",
}
MEMBERS = {
    "operator": ("protos", "services/objects", "services/telemetry", "operator"),
    "memory": ("protos", "services/objects", "services/memory"),
    "reasoning": ("protos", "services/objects", "services/memory", "services/reasoning"),
    "telemetry": ("protos", "services/telemetry"),
    "trainer": ("protos", "services/objects", "services/telemetry", "trainer_image"),
}
# That nobody adds a large one unnoticed.
LIBRARIES_MIB = {"operator": 160, "memory": 250, "reasoning": 160, "telemetry": 60, "trainer": 850}
