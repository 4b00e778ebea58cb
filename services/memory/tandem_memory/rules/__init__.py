"""What holds for every log, wherever it is kept: one rule for all backends, so that what one of them exported another one takes in."""
