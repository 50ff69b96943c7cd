"""``assay``, and ``python -m assay``."""

from assay.cli.start import start


def main() -> None:
    """Runs the command."""
    start("assay.cli.main")


if __name__ == "__main__":
    main()
