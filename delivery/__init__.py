"""How a release gets into a registry: building the image, pushing it, and its tags.

Standard library only, so that it runs before anything is installed; `python3 -m delivery --help`.
"""
