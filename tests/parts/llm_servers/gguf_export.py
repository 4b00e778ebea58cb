"""`python gguf_export.py FOLDER FILE`: write a small Llama that transformers keeps in FOLDER as llama.cpp reads it.

It runs where llama.cpp is installed, with `gguf` and `safetensors` beside it, and imports nothing of ours. Names and meanings of keys
are those of the GGUF specification (github.com/ggml-org/ggml, docs/gguf.md).
"""

import json
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors.numpy import load_file

_OUTSIDE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm"}
_INSIDE = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def export(folder: Path, file: Path) -> None:
    """Write `file` from what is in `folder`."""
    config = json.loads((folder / "config.json").read_text())
    writer = gguf.GGUFWriter(file, "llama")
    _describe(writer, config)
    _tell_words(writer, folder, config)
    for name, weight in load_file(folder / "model.safetensors").items():
        writer.add_tensor(_renamed(name), np.ascontiguousarray(_arranged(name, weight, config)))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
    writer.add_rope_freq_base(float(config["rope_parameters"]["rope_theta"]))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)


def _tell_words(writer: gguf.GGUFWriter, folder: Path, config: dict[str, Any]) -> None:
    """The tokenizer and the chat template."""
    kept = json.loads((folder / "tokenizer.json").read_text())
    words = sorted(kept["model"]["vocab"], key=kept["model"]["vocab"].get)
    marks = {each["content"] for each in kept["added_tokens"]}
    writer.add_tokenizer_model("gpt2")  # a byte-level BPE
    writer.add_tokenizer_pre("default")  # which takes digits one by one
    writer.add_token_list(words)
    writer.add_token_types([gguf.TokenType.CONTROL if word in marks else gguf.TokenType.NORMAL for word in words])
    writer.add_token_merges([" ".join(merge) for merge in kept["model"]["merges"]])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_pad_token_id(config["pad_token_id"])
    writer.add_add_bos_token(value=False)  # the template begins with it
    writer.add_chat_template((folder / "chat_template.jinja").read_text())


def _renamed(name: str) -> str:
    stem = name.removesuffix(".weight")
    if stem in _OUTSIDE:
        return f"{_OUTSIDE[stem]}.weight"
    _, _, block, inside = stem.split(".", 3)  # model.layers.<block>.<inside>
    return f"blk.{block}.{_INSIDE[inside]}.weight"


def _arranged(name: str, weight: np.ndarray, config: dict[str, Any]) -> np.ndarray:
    """Rotary pairs lie side by side in llama.cpp, in halves in transformers."""
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}.get(name.split(".")[-2])
    if heads is None:
        return weight.astype(np.float32)
    pairs = weight.reshape(heads, 2, weight.shape[0] // heads // 2, weight.shape[1])
    return pairs.swapaxes(1, 2).reshape(weight.shape).astype(np.float32)


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]))
