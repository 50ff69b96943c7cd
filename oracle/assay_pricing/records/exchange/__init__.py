"""What owners of data do with files: look at one before it is sold, and convert one that was bought."""
