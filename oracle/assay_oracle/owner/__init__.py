"""The model owner's tools: loading models, reports and summaries."""
