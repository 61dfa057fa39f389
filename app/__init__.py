"""Stagewatch: request URLs and print the results."""
