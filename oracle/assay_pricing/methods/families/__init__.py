"""What methods of one family share: those on a small network, and those on the leaves of extracted trees."""
