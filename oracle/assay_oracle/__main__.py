"""``assay-oracle``, and ``python -m assay_oracle``."""

from assay.cli.start import start


def main() -> None:
    """Runs the command."""
    start("assay_oracle.cli.main")


if __name__ == "__main__":
    main()
