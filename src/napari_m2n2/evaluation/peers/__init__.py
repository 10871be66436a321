"""Other interactive methods under the same clicks: classic ones, and SAM (docs/peers.md)."""
