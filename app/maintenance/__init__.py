"""Windows in which work is done on what is watched, and nobody is to be woken by it."""
