"""Simulated devices for demos and rehearsals: they speak the real protocols on loopback."""
