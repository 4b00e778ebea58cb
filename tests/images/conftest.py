"""Our images as fixtures: built once for each version of their inputs, mounted once for each session."""

from collections.abc import Callable, Generator
from contextlib import ExitStack

import pytest

from tests.images.container import Container
from tests.images.image import Image
from tests.parts import debian
from tests.parts.fixtures import needing, say
from tests.parts.image_record import Record
from tests.parts.our_images import ours

Built = Callable[[str], Image]
Mounted = Callable[[str], Container]


@pytest.fixture(scope="session")
def built(request: pytest.FixtureRequest) -> Built:
    """The image of that name."""
    images: dict[str, Image] = {}

    def image(name: str) -> Image:
        if name not in images:
            with needing("container images", request.config):
                record = ours(name, lambda line: say(request.config, line))
            images[name] = Image(Record.read(record))
        return images[name]

    return image


@pytest.fixture(scope="session")
def mounted(built: Built, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Mounted]:
    """The image of that name, ready to be started."""
    containers: dict[str, Container] = {}
    with ExitStack() as stack:

        def container(name: str) -> Container:
            if name not in containers:
                image = built(name)
                with needing("runc", request.config):
                    debian.need(("runc",), lambda line: say(request.config, line))
                folder = tmp_path_factory.mktemp(name)
                containers[name] = Container(image=image, root=stack.enter_context(image.mounted(folder / "root")), bundles=folder)
            return containers[name]

        yield container
