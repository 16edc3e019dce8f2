"""Drills: predicted from the model, really done, measured, compared and reported."""
