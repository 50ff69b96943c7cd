"""Processes that price lines of text, see ``line_process``: as the daemon has them, and without torch."""

import os
import sys

from scripts.localnet import ROOT

from assay_oracle.appraisers.cache import RecordCache
from assay_oracle.appraisers.inline import InlineAppraiser
from assay_oracle.appraisers.process import PricingProcess
from assay_oracle.settings import environment_without_settings
from tests.kit.data import LinePrices

LINE_INFO = InlineAppraiser(LinePrices(), RecordCache(0)).info


def line_process(**environment: str) -> PricingProcess:
    """A process that is not started yet."""
    path = {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-m", "tests.kit.line_process"]
    return PricingProcess(command, environment_without_settings() | path | environment)
