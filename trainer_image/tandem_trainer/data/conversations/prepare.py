"""Conversations into windows of tokens, once: the windows' folder is named after everything they depend on.

No conversation is cut: one that is longer than a window is left out, and people are told of it. This package knows no torch, so
the agent can run it before any rank starts.
"""

from pathlib import Path

import numpy as np
import xxhash

from tandem_trainer.data import once, shards
from tandem_trainer.data.conversations import rows, windows
from tandem_trainer.data.conversations.packing import packed
from tandem_trainer.data.conversations.speech import Speech, Spoken
from tandem_trainer.data.index import INDEX
from tandem_trainer.data.once import Say
from tandem_trainer.refusal import Refusal

_LAYOUT = b"tandem.windows 1"


def ensure(source: str, model: Path, context: int, cache: Path, say: Say = print) -> Path:
    """The folder of windows of `context` tokens below `cache`, made if it is not there, for the chat model in the folder `model`.

    Raises:
        Refusal: when a line is no conversation, none fits into a window, or the model has no tokenizer and chat template.
    """
    speech, path = Speech(model), rows.located(source)
    with path.open("rb") as file:
        contents = xxhash.xxh3_128()
        while part := file.read(1 << 20):
            contents.update(part)
    named_after = (_LAYOUT, speech.digest.encode(), contents.hexdigest().encode(), str(context).encode())
    folder = cache / xxhash.xxh3_128_hexdigest(b"\0".join(named_after))
    return once.made(folder, lambda building: _make(building, path, speech, context, say), say)


def _make(building: Path, path: Path, speech: Speech, context: int, say: Say) -> None:
    say(f"data: making tokens of the conversations in {path}")
    fitting, longest, read = [], (0, 0), 0
    for conversation in rows.read(path):
        read += 1
        spoken = _spoken(speech, conversation, path)
        longest = max(longest, (len(spoken.tokens), conversation.line))
        if len(spoken.tokens) <= context:
            fitting.append(spoken)
    too_long = f"longer than contextLength {context}; the longest, line {longest[1]}, has {longest[0]} tokens"
    if not fitting:
        why = f"all {read} conversations are {too_long}" if read else "it is empty"
        message = f"data.source: {path} teaches nothing, {why}: {'raise contextLength' if read else 'add conversations'}"
        raise Refusal(message)
    index = _write(building, str(path), fitting, context)
    tokens = sum(len(each.tokens) for each in fitting)
    answers = tokens - sum(each.answer for each in fitting)
    filled = tokens / (index.windows * context)
    say(f"data: {len(fitting)} conversations of {tokens} tokens, {answers} of them answers, in {index.windows} windows ({filled:.0%} full)")
    if read > len(fitting):
        say(f"data: {read - len(fitting)} of {read} conversations are left out because they are {too_long}")


def _spoken(speech: Speech, conversation: rows.Conversation, path: Path) -> Spoken:
    try:
        return speech.spoken(conversation.messages)
    except ValueError as error:
        message = f"data.source: {path} line {conversation.line}, messages: {error}: change or remove the line"
        raise Refusal(message) from None


def _write(folder: Path, source: str, spoken: list[Spoken], context: int) -> windows.Index:
    vocabulary = 1 + max(int(each.tokens.max()) for each in spoken)
    shared = packed([len(each.tokens) for each in spoken], context)
    shape = (len(shared), context)
    tokens_WT = np.zeros(shape, dtype=shards.dtype_of(vocabulary))
    places_WT, answers_WT = np.zeros(shape, dtype=np.uint32), np.zeros(shape, dtype=np.bool_)
    for window, numbers in enumerate(shared):
        start = 0
        for each in (spoken[number] for number in numbers):
            end = start + len(each.tokens)
            tokens_WT[window, start:end] = each.tokens
            places_WT[window, start:end] = np.arange(end - start)
            answers_WT[window, start + each.answer : end] = True
            start = end
        places_WT[window, start:] = np.arange(context - start)
    hashed = xxhash.xxh3_128()
    for name, rows_WT in (("tokens", tokens_WT), ("places", places_WT), ("answers", answers_WT)):
        windows.write(folder, name, rows_WT)
        hashed.update(rows_WT.data)
    index = windows.Index(
        source=source,
        context=context,
        windows=len(shared),
        conversations=len(spoken),
        vocabulary=vocabulary,
        digest=hashed.hexdigest(),
    )
    shards.write_durably(folder / INDEX, index.model_dump_json(indent=2).encode())
    return index
