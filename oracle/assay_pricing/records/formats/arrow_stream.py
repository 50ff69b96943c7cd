"""Arrow's streaming format: the messages of an Arrow file without its footer."""

from assay_pricing.records.formats import Format
from assay_pricing.records.formats.arrow_file import read
from assay_pricing.records.formats.arrow_messages import CONTINUATION

FORMAT = Format(name="Arrow stream", suffixes=(".arrows",), magic=CONTINUATION, read=read)
