"""Labelled sets: where they come from, and how they become stores with samples."""
