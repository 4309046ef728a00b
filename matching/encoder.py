"""Texts to unit vectors with a sentence-transformers model on the CPU.

What holds of the output: texts are encoded in batches of like length, ordered by length and then by text, so the same
set of texts in any order gives the same vectors. The same text among other texts agrees to about the precision of the
arithmetic (cosine above .999), not to the bit; whoever needs the bits keeps the vectors, as the service does.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from matching import fingerprint as prints
from matching.bundled_model import ensure_bundled_model

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

log = logging.getLogger(__name__)

BATCH_TOKENS = 1024  # one batch's activations stay in the cache; larger batches were slower here
# What goes through the model to see which inputs of its layers get large; in e5 these are the same for any text.
TRIED_OUT = (
    "We look for partners who design quiet machines.",
    "Wir bauen Glocken für die Bahn und suchen ein Museum in Rom, das sie ausstellt.",
    "Hledáme výrobce lehkých obalů pro sklo",
    "konsultavimo ir mokymo paslaugos įmonėms",
    "2024: 35 % of 1,200 SMEs (EU)",
)
Vectors = NDArray[np.float32]
Progress = Callable[[int, int], None]


class Encoder(Protocol):
    """Anything that turns texts into unit vectors; vectors of two encoders compare only if the fingerprints agree."""

    @property
    def fingerprint(self) -> str:
        """Which model and arithmetic made the vectors."""

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """(n, d) float32 unit rows in the order of `texts`; progress after each batch as (done, total)."""


def load_encoder(model: str, home: Path, precision: str | None = None) -> Encoder:
    """Load 'bundled', a hub name or a local path; precision of PRECISIONS, by default what this CPU does best."""
    chosen = precision or prints.precision(model)
    if chosen not in prints.PRECISIONS:
        raise ValueError(f"precision {chosen!r} must be one of {', '.join(prints.PRECISIONS)}")
    transformer = load_transformer(model, home)
    identity = prints.model_identity(model, home) or f"{prints.hub_name(model)}@{weights_hash(transformer)}"
    log.info(
        "encoder %s: %s arithmetic on the CPU%s", identity, chosen, "" if precision else ", chosen by its features"
    )
    if chosen == "int8":
        from matching.int8_linear import quantise

        with one_thread():
            quantise(transformer, lambda: transformer.encode(list(TRIED_OUT), show_progress_bar=False))
    return SentenceEncoder(transformer, prints.full_fingerprint(identity, chosen), chosen)


def load_transformer(model: str, home: Path) -> "SentenceTransformer":
    """The model on the CPU, in the very version its fingerprint names."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # would spoil our output
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)  # it warns of the prompt we gave it ourselves
    if model == prints.BUNDLED:
        return SentenceTransformer(str(ensure_bundled_model(home)), device="cpu")
    if prints.is_path(model):
        return SentenceTransformer(str(Path(model).expanduser()), device="cpu")
    return SentenceTransformer(prints.hub_name(model), revision=prints.hub_commit(model), device="cpu")


def weights_hash(transformer: "SentenceTransformer") -> str:
    """A hash over the loaded weights, for a model that no commit in the cache names."""
    import hashlib

    digest = hashlib.sha256()
    for name, tensor in sorted(transformer.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.float().numpy().tobytes())
    return digest.hexdigest()[:12]


class SentenceEncoder:
    """A loaded sentence-transformers model with its fingerprint."""

    def __init__(self, transformer: "SentenceTransformer", fingerprint: str, precision: str) -> None:
        self.fingerprint = fingerprint
        self.precision = precision
        self._transformer = transformer

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """(n, d) float32 unit rows; a text longer than the model's window is split and its parts averaged."""
        unique = sorted(set(texts))
        with one_thread():
            vectors = dict(zip(unique, self._encode_unique(unique, progress), strict=True))
        return np.stack([vectors[text] for text in texts]) if texts else self._empty()

    def _encode_unique(self, texts: list[str], progress: Progress | None) -> Vectors:
        """Unit rows of distinct texts: parts that fit the window, weighted by their tokens."""
        parts = [(owner, part) for owner, text in enumerate(texts) for part in self._split(text)]
        order = sorted(range(len(parts)), key=lambda i: (parts[i][1][1], parts[i][1][0]))
        total = np.zeros((len(texts), self._dimension()), np.float32)
        done = 0
        with self._arithmetic():  # around all batches: autocast converts the weights once per context
            for batch in batches(order, [tokens for _, (_, tokens) in parts]):
                rows = self._forward([parts[i][1][0] for i in batch])
                for i, row in zip(batch, rows, strict=True):
                    owner, (_, tokens) = parts[i]
                    total[owner] += row * tokens
                done += len(batch)
                if progress:
                    progress(done, len(parts))
        return unit(total)

    def _forward(self, texts: list[str]) -> Vectors:
        """One batch through the model, with the model's own default prompt."""
        found = self._transformer.encode(
            texts, batch_size=len(texts), convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(found, np.float32)

    def _arithmetic(self) -> Any:
        """In bf16: matrix products in it, sums and norms in float32 (autocast). Else as the layers are."""
        import torch

        return torch.autocast("cpu", dtype=torch.bfloat16) if self.precision == "bf16" else nullcontext()

    def _split(self, text: str) -> list[tuple[str, int]]:
        """The text as pieces with their token counts, each of which fits the model's window."""
        window = self._transformer.max_seq_length or 0
        tokens = self._count(text)
        room = window - self._count(self._prompt())
        if not window or tokens <= room or len(text) < 2:
            return [(text, tokens)]
        middle = nearest_space(text, len(text) // 2)
        halves = text[:middle].rstrip(), text[middle:].lstrip()
        return [piece for half in halves if half for piece in self._split(half)]

    def _count(self, text: str) -> int:
        """The text's length in tokens, its frame included; in characters for models without such a tokenizer."""
        tokenizer = getattr(self._transformer, "tokenizer", None)
        if not callable(tokenizer):
            return len(text)
        return len(tokenizer(text, truncation=False, verbose=False)["input_ids"])

    def _prompt(self) -> str:
        """What the model puts before every text; 'query: ' for the bundled one."""
        name = self._transformer.default_prompt_name
        return (self._transformer.prompts.get(name) or "") if name else ""

    def _dimension(self) -> int:
        """The vectors' length."""
        return self._transformer.get_embedding_dimension() or self._forward(["."]).shape[1]

    def _empty(self) -> Vectors:
        """No texts, no rows, the right width."""
        return np.zeros((0, self._dimension()), np.float32)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread: threads that wait for each other cost up to three times the CPU time on a busy machine.

    A forked child could not use more anyway: its parent's OpenMP threads are gone, and it would wait for them for ever.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def batches(order: list[int], tokens: list[int]) -> Iterator[list[int]]:
    """Runs of the order (by rising length) whose padded size stays under BATCH_TOKENS, at least one text each."""
    batch: list[int] = []
    for i in order:
        if batch and (len(batch) + 1) * tokens[i] > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def nearest_space(text: str, middle: int) -> int:
    """Where to cut a long text in two: the space nearest its middle, or the middle itself."""
    before, after = text.rfind(" ", 1, middle), text.find(" ", middle, len(text) - 1)
    near = [at for at in (before, after) if at > 0]
    return min(near, key=lambda at: abs(at - middle)) if near else middle


def unit(rows: Vectors) -> Vectors:
    """Rows of length one; a zero row stays zero."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norms > 0, norms, 1), np.float32)
