"""Data structures between the stages: types, graphs, op lists."""
