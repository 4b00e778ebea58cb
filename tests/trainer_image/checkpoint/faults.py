"""A real store with faults that a real store cannot be told to have at a given request."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tandem_objects import ObjectInfo, Store


@dataclass(kw_only=True)
class Faulty:
    """Passes everything on to `store`; `before` is told each verb and key first, and may raise, or change the world."""

    store: Store
    before: Callable[[str, str], None]
    put_keys: list[str] = field(default_factory=list[str])

    @property
    def uri(self) -> str:
        return self.store.uri

    def put(self, key: str, data: bytes | memoryview) -> None:
        self.before("put", key)
        self.store.put(key, data)

    def put_if_absent(self, key: str, data: bytes | memoryview) -> bool:
        self.before("put_if_absent", key)
        return self.store.put_if_absent(key, data)

    def put_large(self, key: str, data: memoryview) -> None:
        self.put_keys.append(key)
        self.before("put_large", key)
        self.store.put_large(key, data)

    def get(self, key: str) -> bytes:
        self.before("get", key)
        return self.store.get(key)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        self.before("get_range", key)
        return self.store.get_range(key, start, length)

    def get_range_into(self, key: str, start: int, out: memoryview) -> None:
        self.before("get_range_into", key)
        self.store.get_range_into(key, start, out)

    def stat(self, key: str) -> ObjectInfo | None:
        return self.store.stat(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        self.before("list", prefix)
        return self.store.list(prefix)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.before("delete", key)
            self.store.delete([key])

    def address(self, key: str) -> str:
        return self.store.address(key)


def failing(verb: str, error: BaseException, *, prefix: str = "", after: int = 0) -> Callable[[str, str], None]:
    """Raise `error` at every `verb` on a key that begins with `prefix`, once `after` of them went well."""
    left = after

    def before(what: str, key: str) -> None:
        nonlocal left
        if what == verb and key.startswith(prefix):
            left -= 1
            if left < 0:
                raise error

    return before
