"""Files that are only added to: what was once written must always be readable."""
