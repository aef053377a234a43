"""How calls get in: the record, hooks, journal and writer; the mock shop and its clients; logs."""
