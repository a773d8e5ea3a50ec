"""What ITSM is: state, events, commands, decisions. Pure: no I/O, no clock, no randomness."""
