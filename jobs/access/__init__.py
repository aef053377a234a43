"""Who may come in, as what, and the record of what they did."""
