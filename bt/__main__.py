"""`python -m bt` is the command `bt`."""

from bt.cli import main

main()
