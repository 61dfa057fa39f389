"""The whole configuration as one YAML file: exported, compared, applied."""
