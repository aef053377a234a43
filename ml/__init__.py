"""The models: arrays and frames in, arrays and frames out; no server, no store, no clock."""
