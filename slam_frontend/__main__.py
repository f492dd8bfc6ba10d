"""``python -m slam_frontend``, for where the command is not on the path."""

from slam_frontend.cli.main import main

if __name__ == "__main__":  # a process that extracts features imports this module once more
    main()
