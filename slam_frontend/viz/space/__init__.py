"""What a run looks like in space: what is to be drawn, and seen from where; no window yet. Begin with scene.py."""
