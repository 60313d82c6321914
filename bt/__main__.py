"""`python -m bt` is the command `bt`."""

from bt.cli import main

if __name__ == "__main__":  # a worker process imports this too
    main()
