"""The data: data sets by name, the parties drawn from them, and pretrained features."""
