"""What a run is worth: each measure with its formula, its chance baseline and an interval."""
