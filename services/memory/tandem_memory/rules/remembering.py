"""For how long a backend remembers that a record was removed or judged, and the key that it was told under.

A record stays for as long as it is there. Of what happened to records nobody needs to hear for ever: a caller whose answer was lost tells
a judgement again, and is recognised by its key; a watcher goes on from its cursor without a gap. Both come back before long.
"""

from datetime import timedelta

# A client by itself tries for half a minute. Who keeps what is to be told, as the coordinator of a run does, tells it when the run
# goes on: this is a run that was suspended over a holiday.
KEPT = timedelta(days=30)
