"""History: as-of, diff, what-if, verify, archive, and the engines that run them."""
