"""The topics of the parity fixtures, one module each."""
