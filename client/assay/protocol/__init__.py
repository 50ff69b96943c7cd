"""The protocol itself, pure: values, digests, commitments and wire messages. No I/O, no clock, no environment."""
