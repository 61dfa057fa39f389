"""How the program gets to where it runs: its image's tags, its way into a registry.

Standard library only, so that it runs before anything is installed; `python3 -m delivery --help`.
"""
