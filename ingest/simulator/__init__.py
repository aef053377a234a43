"""Simulated clients: who they are, what they do, and their requests over real HTTP."""
