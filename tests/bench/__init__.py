"""`make bench`: ratios, both sides in one run, medians."""
