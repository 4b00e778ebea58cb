"""`python -m tandem_memory`."""

import sys

from tandem_memory.program.main import main

sys.exit(main(sys.argv[1:]))
