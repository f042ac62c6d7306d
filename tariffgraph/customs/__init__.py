"""Law meets goods: what is owed at one crossing. One implementation for one entry and for millions."""
