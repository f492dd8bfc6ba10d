"""Our features, matches and tracks as other systems take them, a file for each host; begin with pyslam.py."""
