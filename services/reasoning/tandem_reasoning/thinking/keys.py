"""The name of a call: the same question to the same lane in the same run has the same key, so that it is never paid for twice.

Everything that can change the answer is in it, and nothing else: no time, no version of this program, no server (any of the lane's
may answer). Two lanes that serve a model of one name are two voices, and each is paid for itself. Each field goes in with its length
before it, so that no two lists of fields look alike.
"""

import hashlib
import struct

from tandem_reasoning.values import CallPlace, Prompt

_FORM = "tandem-call-2"  # to be raised with anything that changes how a key is made


def key(run_uid: str, place: CallPlace, lane: str, model: str, prompt: Prompt) -> str:
    """SHA-256 in hexadecimal, 64 characters."""
    messages = [text for message in prompt.messages for text in (message.role, message.content)]
    asked = [str(prompt.max_tokens), struct.pack(">d", prompt.temperature).hex(), *messages]
    fields = [_FORM, run_uid, place.item, str(place.step), place.expert, str(place.sample), lane, model, *asked]
    digest = hashlib.sha256()
    for field in fields:
        encoded = field.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()
