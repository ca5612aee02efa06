"""Speed, measured on demand (`make bench`), never in a test. Figures of record: docs/benchmarks.md."""
