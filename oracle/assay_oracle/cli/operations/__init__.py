"""Commands that keep an oracle: its backup, and its restoration at the same or another place."""
