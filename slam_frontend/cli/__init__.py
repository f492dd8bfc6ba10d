"""The command ``slam-frontend``, and the only place that prints; begin with main.py, then run.py."""
