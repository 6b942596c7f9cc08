"""Whether the tests would notice: the compiler with one small fault at a time. `python -m tests.mutants 60 --seed 0`"""
