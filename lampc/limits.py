"""Limits that keep a small file from asking for the impossible; checked before anything is expanded."""

SOURCE_BYTES = 1_000_000
"""Bytes of one source file."""
NESTING = 64
"""Depth of brackets, of blocks within blocks, and of ``use`` within ``use``."""
DEPTH = 128
"""Depth of blocks and branches within one another, once they are expanded."""
CALLS = 300
"""Depth of formulas once the functions that they call are put in."""
OPERATORS = 200
"""Operators in one statement, which bounds the depth of its expressions."""
NODES = 100_000
"""Operations of the forward graph."""
SIZE = 2**31
"""Any one size, and the elements of any one tensor's sample."""
