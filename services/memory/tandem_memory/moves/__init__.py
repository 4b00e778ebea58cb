"""Copies of a store, taken and put back, and its move to another backend."""
