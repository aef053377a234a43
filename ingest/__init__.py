"""How calls get in: the record, the hooks, the journal, the writer, the mock shop, traffic, logs."""
