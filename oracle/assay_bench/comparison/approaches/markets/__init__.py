"""Markets on a chain that the paper names: Numerai's stakes, and the layout of OpenMined in 2017."""
