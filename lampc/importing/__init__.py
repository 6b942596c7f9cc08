"""Networks that others have written, as programs in the lamp language."""
