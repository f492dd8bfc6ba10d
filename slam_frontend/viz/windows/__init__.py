"""open3d's windows, of finished runs and of one under way; begin with viewer.py."""
