"""Site resilience monitor for emergency-calling survivability: the core."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("site-resilience-monitor")
except PackageNotFoundError:  # run from a tree that was never installed
    __version__ = "0+unknown"
