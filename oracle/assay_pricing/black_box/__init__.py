"""The model as a function: records in, predictions out; what it is given, how its answers are read and checked."""
