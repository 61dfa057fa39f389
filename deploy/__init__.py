"""What a stack needs before its first start: secrets, and a certificate.

Standard library only: this must run on a machine that has Docker and nothing else of ours.
"""
