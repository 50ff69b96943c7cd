"""The file that a data owner offers: what it is, and whether it fits the model, before anything is sealed or sent."""
