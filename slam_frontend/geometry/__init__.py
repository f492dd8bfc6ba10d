"""Pure functions on arrays, None where a solver fails; begin with se3.py and camera.py."""
