"""Plain-English questions about calls and windows, without a language model."""
