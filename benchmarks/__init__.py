"""Measured comparisons, run by hand or by script/bench. Figures, never pass or fail."""
