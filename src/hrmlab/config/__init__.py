"""From YAML to one checked configuration: search path, composition, schemas, error sentences. Imports no torch."""
