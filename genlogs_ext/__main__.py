"""`python -m genlogs_ext`: the command `genlogs-token`."""

import sys

from genlogs_ext.shell import main

if __name__ == "__main__":
    sys.exit(main())
