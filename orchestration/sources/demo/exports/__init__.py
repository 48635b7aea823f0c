"""The vendors' shapes: how the world appears in exports of each system."""
