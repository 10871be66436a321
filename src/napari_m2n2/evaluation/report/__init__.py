"""Reports that a person reads: tables, curves, cases, and the published numbers beside them."""
