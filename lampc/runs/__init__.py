"""What a training leaves behind: a directory with its source, settings, measurements and checkpoints."""
