"""What an operator needs of a running oracle: metrics, log contexts, backups."""
