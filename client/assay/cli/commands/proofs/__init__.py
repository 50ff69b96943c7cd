"""The command on proven prices."""
