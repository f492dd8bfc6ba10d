"""The network for other runtimes, each checked against the one it came from; begin with networks.py."""
