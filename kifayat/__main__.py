"""`python -m kifayat`."""

from kifayat.cli import main

main()
