"""Data in, Dash component or figure out; knows no Flask, no store and no clock."""
