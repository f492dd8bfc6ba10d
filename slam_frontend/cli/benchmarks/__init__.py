"""The parts of ``slam-frontend bench``, each a section of its page."""
