"""`python -m tandem_operator.cluster`."""

import sys

from tandem_operator.cluster.main import main

sys.exit(main())
