"""SSH certificates: who may have which, whether one is what was decided, and which are out there."""
