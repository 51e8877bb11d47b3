//! objects: The object store port and its directory and memory adapters
