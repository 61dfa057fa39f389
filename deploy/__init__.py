"""What a stack needs before its first start: secrets, and a certificate.

The standard library only: it must run on a machine that has Docker and nothing else of ours.
"""
