"""Which model and arithmetic made a vector, told without loading torch: two vectors compare only if these agree."""

import hashlib
import json
import os
import platform
import tempfile
from pathlib import Path

from matching import bundled_model

BUNDLED = "bundled"
ENCODING = 1  # raise it when the same model would give other vectors: prompts, splitting, normalisation
PRECISIONS = ("int8", "bf16", "fp32")
INT8_FLAGS = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})  # without these, 16-bit sums of int8 products saturate
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


def precision(model: str = BUNDLED) -> str:
    """The fastest arithmetic the CPU does natively; int8 only for the bundled model, where a test holds it to fp32."""
    flags = cpu_flags()
    if model == BUNDLED and INT8_FLAGS & flags:
        return "int8"
    return "bf16" if BF16_FLAGS & flags else "fp32"


def cpu_flags() -> frozenset[str]:
    """The CPU's features as Linux names them; nothing on other systems."""
    if platform.system() != "Linux":
        return frozenset()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line for line in lines if line.startswith("flags")), "").split())


def model_fingerprint(model: str, home: Path) -> str | None:
    """The fingerprint `load_encoder(model, home)` will have; None while a hub name is not in the local cache."""
    identity = model_identity(model, home)
    return full_fingerprint(identity, precision(model)) if identity else None


def full_fingerprint(identity: str, arithmetic: str) -> str:
    """A model's identity together with how we encode."""
    return f"{identity}/{arithmetic}/{ENCODING}"


def identity_of(fingerprint: str) -> str:
    """The model's identity in a full fingerprint."""
    return fingerprint.rsplit("/", 2)[0]


def model_identity(model: str, home: Path) -> str | None:
    """The bundled constant, a hash of a local directory, or name and commit of a hub model in the local cache."""
    if model == BUNDLED:
        return bundled_model.FINGERPRINT
    if is_path(model):
        return f"path-{directory_hash(Path(model), home)}"
    commit = hub_commit(model)
    return f"{hub_name(model)}@{commit}" if commit else None


def is_path(model: str) -> bool:
    """Whether a model is given as a directory rather than by its hub name."""
    return model.startswith((".", "/", "~")) or Path(model).expanduser().is_dir()


def directory_hash(folder: Path, home: Path) -> str:
    """A hash over the directory's files; remembered under home until a file's size or time changes."""
    folder = folder.expanduser().resolve()
    if not folder.is_dir():
        raise FileNotFoundError(f"embedding model: no directory {folder}")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    state = [(str(p.relative_to(folder)), p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    key = hashlib.sha256(json.dumps([str(folder), state]).encode()).hexdigest()[:24]
    memory = home / "models" / ".fingerprints" / key
    if memory.is_file() and (known := memory.read_text().strip()):
        return known
    value = content_hash(folder, files)
    remember(memory, value)
    return value


def content_hash(folder: Path, files: list[Path]) -> str:
    """Names and sizes of all files, and the content of those that decide the vectors."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        if path.suffix in {".json", ".safetensors", ".bin", ".model", ".txt"}:
            with path.open("rb") as handle:
                digest.update(hashlib.file_digest(handle, "sha256").digest())
    return digest.hexdigest()[:12]


def remember(path: Path, value: str) -> None:
    """Write a small file so that a reader sees the whole value or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(value)
    Path(scratch).replace(path)


def hub_name(model: str) -> str:
    """A hub name with its owner; bare names belong to sentence-transformers."""
    return model if "/" in model else f"sentence-transformers/{model}"


def hub_commit(model: str) -> str | None:
    """The commit that 'main' points to in the local hub cache, or None if the model is not there."""
    from huggingface_hub.constants import HF_HUB_CACHE

    repository = Path(HF_HUB_CACHE) / f"models--{hub_name(model).replace('/', '--')}"
    head = repository / "refs" / "main"
    commit = head.read_text().strip() if head.is_file() else ""
    return commit if commit and (repository / "snapshots" / commit).is_dir() else None
