"""The network, its weights and what runs it; begin with superpoint.py, then decode.py for one image."""
