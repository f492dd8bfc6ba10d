"""The page about runs; begin with page.py."""
