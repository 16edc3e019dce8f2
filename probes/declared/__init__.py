"""What site files say of probes: their settings, keys, rules and usual times. A module each; nothing that talks.

Reading files loads these and no more: neither asyncio, nor sockets, nor a protocol's library.
"""
