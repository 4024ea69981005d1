"""The page that people read of a lane: what it says, which of its boxes are ticked, and whether it is still so."""
