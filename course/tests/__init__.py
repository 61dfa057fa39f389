"""Tests of the course's commands, each in a throw-away repository."""
