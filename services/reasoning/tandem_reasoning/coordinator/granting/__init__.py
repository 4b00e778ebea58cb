"""Who may ask which lane now: permits for calls, by pace, standing and money of each lane, and what was found out about its servers."""
