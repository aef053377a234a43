"""The scenario lab: attacks and faults played in a demo, and the time until they are detected."""
