"""Training program for the three demo models (see ../CARD.md)."""
