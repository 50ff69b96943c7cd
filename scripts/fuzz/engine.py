"""One target under the fuzzer. ``python -m fuzz`` runs this module, in a process that the fuzzer ends."""

import importlib
import logging
import sys
from pathlib import Path

VECTORS = Path(__file__).parents[2] / "tests" / "vectors"
TARGETS = {
    "sealed_files": ("assay.protocol",),
    "api_requests": ("assay_oracle.access", "assay_oracle.server", "assay_oracle.services", "assay.protocol"),
    "oracle_answers": ("assay.bounded_http", "assay.oracle", "assay.protocol", "assay.sale", "assay_pricing.sums"),
    "node_answers": ("assay.chain", "assay.protocol"),
    "signer_answers": ("assay.bounded_http", "assay_oracle.keys"),
    "store_answers": ("assay_oracle.storage",),
    "messages": ("assay.envelope", "assay.protocol", "assay_oracle.server", "assay_pricing.blind"),
}
"""Modules of this package with a ``check``, and the packages whose coverage guides the fuzzer."""
MOST_BYTES = 20_000
"""Length of an input: some chunks of a sealed file, some answers of a node."""
MOST_MEMORY = 2048
"""MiB that a run may take."""
MOST_SECONDS = 20
"""Time for one input."""


def corpus_of(target: str) -> Path:
    """The folder of a target's committed inputs."""
    return VECTORS / "sealed_files" if target == "sealed_files" else VECTORS / "network" / target


def main() -> None:
    """Fuzzes the target of the arguments: its name, seconds, a folder for new inputs, the folder of the run."""
    import atheris

    target, seconds, corpus, folder = sys.argv[1:]
    logging.disable()
    with atheris.instrument_imports(include=list(TARGETS[target])):
        module = importlib.import_module(f"fuzz.{target}")
        check = module.opened(Path(folder)) if hasattr(module, "opened") else module.check
    limits = {
        "max_total_time": seconds,
        "max_len": MOST_BYTES,
        "rss_limit_mb": MOST_MEMORY,
        "timeout": MOST_SECONDS,
    }
    options = [f"-{name}={value}" for name, value in limits.items()]
    atheris.Setup([sys.argv[0], *options, corpus, str(corpus_of(target))], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
