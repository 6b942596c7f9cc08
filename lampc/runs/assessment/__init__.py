"""What a trained network is worth on a part of its data: functions of arrays, and what puts them together for a run."""
