"""How fast a lane may be asked, by what it says, what it refuses and who wants it."""
