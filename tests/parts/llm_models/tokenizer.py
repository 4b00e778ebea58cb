"""The tokenizer and the chat template of both models.

A byte-level BPE. It learns small letters only, so that words of capitals, which rules are about, stay letter by letter.
"""

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tests.parts.llm_models.tasks import SCHOOLS, WORDINGS
from tests.parts.llm_models.wording import corpus

PAD, BOS, EOS = "<|pad|>", "<|bos|>", "<|eos|>"
ROLES = ("system", "user", "assistant")
_SIZE = 768  # 256 bytes, 6 marks, and the words of questions and prompts
_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def tokenizer() -> PreTrainedTokenizerFast:
    """The same one each time."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(  # type: ignore[assignment]
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    bpe.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    marks = [PAD, BOS, EOS, *(f"<|{role}|>" for role in ROLES)]
    learning = trainers.BpeTrainer(
        vocab_size=_SIZE, special_tokens=marks, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    bpe.train_from_iterator(_texts(), learning)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token=PAD, bos_token=BOS, eos_token=EOS, additional_special_tokens=[f"<|{role}|>" for role in ROLES]
    )
    fast.chat_template = _TEMPLATE
    return fast


def mark(words: PreTrainedTokenizerFast, text: str) -> int:
    """The token of a mark such as `BOS`."""
    token = words.convert_tokens_to_ids(text)
    assert isinstance(token, int)
    return token


def _texts() -> list[str]:
    questions = [wording.format("") for wordings in WORDINGS.values() for wording in wordings]
    schools = [*SCHOOLS, *(f" {school}" for school in SCHOOLS)]
    return [text.lower() for text in (*schools * 8, *questions * 4)] + corpus()
