"""Site resilience monitor for emergency-calling survivability: the core."""


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(name)
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  # costs 30 ms, and few commands tell

    try:
        return version("site-resilience-monitor")
    except PackageNotFoundError:  # run from a tree that was never installed
        return "0+unknown"
