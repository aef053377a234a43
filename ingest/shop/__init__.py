"""The mock shop: a small API over mechanisms that queue, leak, run out and break."""
