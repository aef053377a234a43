"""What access logs hold: lines, formats, and the call a line tells of."""
