"""`python -m tandem_telemetry`."""

import sys

from tandem_telemetry.main import main

sys.exit(main())
