"""Stagewatch: we call a site's address and tell you what came back."""
