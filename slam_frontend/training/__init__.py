"""How the network learns, from synthetic shapes to a checkpoint; begin with stages.py, which is the whole recipe."""
