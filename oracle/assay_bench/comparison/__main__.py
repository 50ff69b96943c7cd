"""The command behind ``make compare``."""

import sys

from assay.cli.group import Group
from assay_bench.comparison.cli import compare

if __name__ == "__main__":
    Group(commands=[compare], name="python -m assay_bench.comparison").main(["compare", *sys.argv[1:]])
