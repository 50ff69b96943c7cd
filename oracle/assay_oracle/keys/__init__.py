"""The oracle's keys: encrypted on disk, and the signer that holds the signing key."""
