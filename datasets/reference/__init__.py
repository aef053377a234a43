"""Public data sets, read from the user's own copy: nothing of them is part of the product."""
