"""Sewage engineering: pipe hydraulics, village sewers, and the plan of a county."""
