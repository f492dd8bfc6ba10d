"""How good features and trajectories are, whoever made them; begin with trajectory.py, then features.py."""
