"""Pictures, pages and windows of runs; begin with plots.py for figures, scene3d.py for what is seen in space."""
