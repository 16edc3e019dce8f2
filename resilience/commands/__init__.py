"""The commands of `resilience`, a module each for what they need: files alone, the analysis, devices."""
